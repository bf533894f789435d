"""The example bytes of proto/README.md against the independent peers' codec, which shares no code with the programs."""

import json
import re
import sys
import unittest
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(sys.argv[1])
sys.path.insert(0, str(SOURCE))

from tests.peer import wire  # noqa: E402

PAGE = (SOURCE / "proto/README.md").read_text()


@dataclass(frozen=True)
class Frame:
    data: bytes
    note: str


@dataclass(frozen=True)
class Example:
    side: str
    frames: list[Frame]

    @property
    def bytes(self) -> list[bytes]:
        return [frame.data for frame in self.frames]

    def stated(self) -> dict[str, str]:
        """The fields of the notes: "u32 credit = 16" is credit: 16."""
        fields = (re.fullmatch(r"(?:u32|u64|text) (\w+) = (.*)", frame.note) for frame in self.frames)
        return {field[1]: field[2] for field in fields if field}


def examples() -> list[Example]:
    """Each ```frames block: hex over one or more lines, the last of a frame's with "  # note"."""
    found = []
    for side, body in re.findall(r"^```frames (client|server)\n(.*?)^```$", PAGE, re.M | re.S):
        frames = []
        for text, note in re.findall(r"((?:[0-9a-f]+\n)*(?:[0-9a-f]+|-))  # (.*)\n", body):
            frames.append(Frame(bytes.fromhex(text.replace("\n", "").replace("-", "")), note))
        found.append(Example(side, frames))
    return found


def client_frames(message: wire.ClientMessage, options: list[bytes]) -> list[bytes]:
    """What the peers send for it."""
    if isinstance(message, wire.PostFile):
        return wire.post_file(message.filename, message.metadata, *options, flags=message.flags)
    if isinstance(message, wire.PostChunk):
        return wire.post_chunk(message.seek, message.data, message.sha256, message.flags)
    if isinstance(message, wire.QueryStatus):
        return wire.query_status()
    return wire.error(message.code, message.message)


def server_frames(message: wire.ServerMessage, options: list[bytes]) -> list[bytes]:
    if isinstance(message, wire.UploadApproved):
        return wire.upload_approved(message.credit, message.chunksize, message.maxqueue) + options
    if isinstance(message, wire.TransferCredit):
        return wire.transfer_credit(message.amount)
    if isinstance(message, wire.StatusReport):
        return wire.status_report(message.seek, message.credit)
    if isinstance(message, wire.UploadFinished):
        return wire.upload_finished(message.upload_id) + options
    return wire.error(message.code, message.message) + options


class Specification(unittest.TestCase):
    def test_there_are_examples_of_every_command(self) -> None:
        commands = {(example.side, example.bytes[0]) for example in examples()}
        self.assertEqual(len(commands), 9)

    def test_the_peers_write_the_same_bytes(self) -> None:
        for example in examples():
            options = [frame.data for frame in example.frames if frame.note.startswith("json ")]
            with self.subTest(example.frames[0].note, side=example.side):
                if example.side == "client":
                    self.assertEqual(client_frames(wire.parse_client(example.bytes), options), example.bytes)
                else:
                    self.assertEqual(server_frames(wire.parse_server(example.bytes), options), example.bytes)

    def test_the_peers_read_what_the_page_states(self) -> None:
        for example in examples():
            parse = wire.parse_client if example.side == "client" else wire.parse_server
            message = parse(example.bytes)
            with self.subTest(example.frames[0].note, side=example.side):
                for name, value in example.stated().items():
                    self.assertEqual(str(getattr(message, name)), value)

    def test_options_are_as_the_page_states(self) -> None:
        options = [frame for example in examples() for frame in example.frames if frame.note.startswith("json ")]
        self.assertGreaterEqual(len(options), 6)
        for frame in options:
            self.assertEqual(json.loads(frame.data), json.loads(frame.note.removeprefix("json ")))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
