"""What a dropbox demands of metadata, and what metadata itself asks for: untar, passthrough."""
from __future__ import annotations

import io
import json
import tarfile
import time
from typing import Any

from tests.e2e.config import Dropbox
from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import say
from tests.peer import wire

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["energy", "runs"],
    "properties": {
        "sample": {"type": "string", "pattern": "^S[0-9]+$", "maxLength": 5},
        "energy": {"type": "number", "minimum": 0.1, "maximum": 30},
        "mode": {"enum": ["positive", "negative"]},
        "runs": {"type": "array", "items": {"type": "object", "required": ["id"], "additionalProperties": False,
                                            "properties": {"id": {"type": "integer"}}}},
    },
}
GOOD: dict[str, Any] = {"sample": "S12", "energy": 12.5, "mode": "positive", "runs": [{"id": 1}, {"id": 2.0}]}
HOSTILE = {"properties": {"text": {"pattern": "^(a|b)*$"}, "slow": {"pattern": "(a+)+$"}}}


class DemandsTest(ServerTest):
    DROPBOXES = (
        Dropbox("strict", r"strict.*", {"requires_barcode": False, "required_metadata": ["sample", "operator"],
                                        "schema": "strict.schema.json"}),
        Dropbox("patterns", r"pattern.*", {"requires_barcode": False, "schema": "patterns.schema.json"}),
        Dropbox("keys", r"keys.*", {"requires_barcode": False, "required_metadata": ["sample"]}),
    )

    def prepare(self) -> None:
        home = self.server.layout.home
        (home / "strict.schema.json").write_text(json.dumps(SCHEMA))
        (home / "patterns.schema.json").write_text(json.dumps(HOSTILE))

    def refusal(self, name: str, metadata: dict[str, Any]) -> str:
        with self.sender.raw() as peer:
            error = peer.ask(wire.post_file(name, json.dumps(metadata)), wire.Error)
        self.assertEqual(error.code, 422, error.message)
        return error.message

    def test_what_fits_is_stored(self) -> None:
        meta = self.lab / "meta.json"
        meta.write_text(json.dumps({**GOOD, "operator": "Ada"}))
        file = self.file("strict1.bin", 1000)
        self.assert_sent(self.sender.send(f"--meta={meta}", file))
        row = self.assert_stored(file, "strict")
        self.assertEqual(json.loads(row["metadata"])["operator"], "Ada")

    def test_a_refusal_names_each_key_with_its_path(self) -> None:
        message = self.refusal("strict2.bin", {"sample": "X12345", "mode": "both",
                                               "runs": [{"id": 1}, {}, {"id": 1.5, "note": 1}]})
        for pointer in ("/operator", "/energy", "/sample", "/mode", "/runs/1/id", "/runs/2/id", "/runs/2/note"):
            self.assertIn(f"'{pointer}'", message)
        self.assertNotIn("'/runs/0", message)
        self.assertEqual(self.server.ledger.uploads(), [])

    def test_the_client_tells_it_too(self) -> None:
        done = self.sender.send(self.file("keys1.bin", 10))
        self.assertEqual(done.returncode, 1)
        self.assertIn("'/sample'", done.stderr)
        file = self.file("keys2.bin", 10)
        self.assert_sent(self.sender.send("-ksample:S1", file))
        self.assert_stored(file, "keys")

    def test_a_refusal_stays_bounded(self) -> None:
        message = self.refusal("strict3.bin", {**GOOD, "operator": 1, "runs": [{} for _ in range(5000)]})
        self.assertLess(len(message), 8192)
        self.assertRegex(message, r"and [0-9]+ more")

    def test_a_text_of_60000_bytes_against_a_repeated_group(self) -> None:
        for text, fits in (("ab" * 30_000, True), ("ab" * 30_000 + "c", False)):
            start = time.monotonic()
            with self.sender.raw() as peer:
                peer.ask(wire.post_file(f"pattern{fits}.bin", json.dumps({"text": text})),
                         wire.UploadApproved if fits else wire.Error)
            say(f"^(a|b)*$ against {len(text)} bytes: {time.monotonic() - start:.2f} s")
        file = self.file("pattern-after.bin", 10)
        self.assert_sent(self.sender.send(file))

    def test_a_pattern_that_runs_away_holds_up_nobody(self) -> None:
        message = self.refusal("pattern-slow.bin", {"slow": ("a" * 25 + "b") * 2000})
        self.assertIn("too long", message)
        file = self.file("pattern-next.bin", 10)
        self.assert_sent(self.sender.send(file))
        self.assertEqual(len(self.server.workers("dync-committer")), 1)

    def test_passthrough_goes_around_demands(self) -> None:
        (self.server.layout.manual / "word").mkdir()
        file = self.file("strict4.bin", 10)
        self.assert_sent(self.sender.send("-kpassthrough:word", file))
        item = self.server.layout.manual / "word" / "strict4.bin"
        self.assertEqual((item / "strict4.bin").read_bytes(), file.read_bytes())

    def test_untar_is_true_as_a_text_and_as_a_truth_value(self) -> None:
        for number, (value, unpacked) in enumerate((("True", True), (True, True), ("true", False), ("False", False),
                                                    (False, False), (1, False), (None, False))):
            with self.subTest(value=value):
                name = f"keys-{number}.tar"
                self.send_archive(name, f"top{number}", {"sample": "S", "untar": value})
                stored = {entry.name for entry in self.server.dropbox("keys").iterdir()}
                self.assertEqual(f"top{number}" in stored, unpacked)
                self.assertEqual(name.replace("-", "") in stored, not unpacked)

    def send_archive(self, name: str, top: str, metadata: dict[str, Any]) -> None:
        path, meta = self.lab / name, self.lab / f"{name}.json"
        with tarfile.open(path, "w") as tar:
            member = tarfile.TarInfo(top)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"data"))
        meta.write_text(json.dumps(metadata))
        self.assert_sent(self.sender.send(f"--meta={meta}", path))


if __name__ == "__main__":
    main()
