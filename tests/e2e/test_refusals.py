"""Every refusal that a listed client can earn: its code, one sentence, and a server that serves on.

Inputs, answers and their tests, from keys to names (who has no listed key is in test_strangers, and what a connection
may send before that too):

| area | input | answer | test |
|---|---|---|---|
| keys | unknown | refused by ZAP | test_strangers: an_unlisted_key_never_gets_in |
| | revoked in session | 403 | test_strangers: revoked_in_mid_upload; test_keys: revoked_in_the_middle_of_a_session |
| | another user's routing id | 403 | test_strangers: another_users_routing_id; test_sessions: ThiefTest |
| frames | unknown command; 1 or 1,000 frames; an empty one (no fewer can be sent) | 400 | malformed_frames |
| | wrong integer width; unknown flags | 400 | malformed_frames |
| order | chunk, query-status, last chunk before post-file | 404 | order |
| | second post-file, same arguments | the same approval | a_second_post_file |
| | second post-file, other arguments | 409 | a_second_post_file; test_sessions: while_an_upload_runs |
| seek | below | dropped | seek_below_and_above; test_sessions: RepeatTest |
| | above | one status-report | seek_below_and_above; test_originals: one_status_report_in_25_seconds |
| | 2^63 and more; overflow | 400 | malformed_frames |
| chunk | too large | 413 | chunk_too_large |
| | larger than any frame may be | the connection ends | a_frame_beyond_all_limits |
| | empty and not last | 400 | malformed_frames |
| | beyond credit | 429 | more_than_the_credit |
| last | no checksum, or not 32 bytes | 400 | malformed_frames |
| | wrong checksum | 422 | a_wrong_checksum |
| | other bytes than were declared | 400 or 422 | another_size_than_was_declared |
| after the end | chunk, query-status, last chunk | upload-finished | after_the_end |
| | a flood of them | a few a second | after_the_end; test_sessions: after_the_end_at_most_a_few_a_second |
| client never reads | – | served no more, all others are | a_client_that_never_reads |
| metadata | no object, bad UTF-8, a key twice, depth 17, NaN | 400 | metadata |
| | more than 64 KiB | 413 | metadata |
| name | all that the contract names | 400 | names |
"""
from __future__ import annotations

import hashlib
import os
import secrets
import time
from typing import Optional, Sequence, Union

import zmq

from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import promise, say, wait_until
from tests.peer import wire
from tests.peer.raw import RawPeer

KIB = 1024


def options(size: Optional[int] = None, **more: object) -> wire.Json:
    """What our client sends with post-file."""
    value: wire.Json = {"dync": 2, "key": secrets.token_hex(16), **more}
    return value if size is None else {**value, "size": size, "mtime_ns": 0}


def one_sentence(text: str) -> bool:
    return text.isprintable() and 3 <= len(text.split()) and len(text) <= 1000


class RefusalTest(ServerTest):
    def assert_refused(self, peer: RawPeer, frames: Sequence[bytes], code: int, seconds: float = 30.0) -> wire.Error:
        error = peer.ask(frames, wire.Error, seconds)
        self.assertEqual(error.code, code, error.message)
        self.assertTrue(one_sentence(error.message), f"no single sentence: {error.message!r}")
        return error

    def assert_post_refused(self, code: int, name: Union[str, bytes] = "good.bin",
                            metadata: Union[wire.Json, str, bytes] = b"{}") -> str:
        """By an original and by our client: the answer is the same, and a row of an upload never appears."""
        before = len(self.server.ledger.uploads())
        messages = []
        for opts in (None, options(10)):
            with self.sender.raw() as peer:
                error = self.assert_refused(peer, wire.post_file(name, metadata, opts), code)
                messages.append(error.message)
                self.assertEqual((error.options or {}).get("key"), opts and opts["key"], "the answer echoes the key")
        self.assertEqual(len(self.server.ledger.uploads()), before)
        return messages[0]

    def open(self, peer: RawPeer, name: str = "good.bin", opts: Optional[wire.Json] = None) -> wire.UploadApproved:
        approved = peer.ask(wire.post_file(name, b"{}", opts), wire.UploadApproved)
        self.assertGreater(approved.credit, 0)
        return approved

    def assert_serves(self, name: str = "afterwards.bin") -> None:
        file = self.file(name, 100_000)
        self.assert_sent(self.sender.send(file))
        self.assert_stored(file, "any")


class FramesTest(RefusalTest):
    def test_malformed_frames(self) -> None:
        name, flags, seek = b"good.bin", wire.u32(0), wire.u64(0)
        cases: dict[str, list[bytes]] = {
            "unknown command": [b"post-everything", flags],
            "an empty frame": [b""],
            "one frame": [b"post-file"],
            "a chunk of one frame": [b"post-chunk"],
            "1,000 frames": [b"post-file", *[b"x"] * 999],
            "too many frames": [*wire.post_file(name, b"{}", options()), b"more"],
            "flags of 2 bytes": [b"post-file", b"\0\0", name, b"{}"],
            "flags of 8 bytes": [b"post-file", bytes(8), name, b"{}"],
            "unknown flags": wire.post_file(name, flags=2),
            "options that are no JSON": wire.post_file(name, b"{}", b"dync"),
            "options that are no object": wire.post_file(name, b"{}", b"[2]"),
            "a key that is no key": wire.post_file(name, b"{}", {"dync": 2, "key": "short"}),
            "query-status with an argument": [b"query-status", b"x"],
            "query-status of 1,000 frames": [b"query-status", *[b""] * 999],
            "error with a short code": [b"error", b"\1", b"text"],
        }
        for what, frames in cases.items():
            with self.subTest(what), self.sender.raw() as peer:
                self.assert_refused(peer, frames, 400)
        self.assertEqual(self.server.ledger.uploads(), [])
        in_session: dict[str, list[bytes]] = {
            "a chunk's flags of 2 bytes": [b"post-chunk", b"\0\0", seek, b"data"],
            "a seek of 4 bytes": [b"post-chunk", flags, wire.u32(0), b"data"],
            "unknown flags of a chunk": wire.post_chunk(0, b"data", flags=4),
            "an unknown command": [b"post-everything", flags],
            "a post-chunk alone": [b"post-chunk"],
            "a chunk of 1,000 frames": [b"post-chunk", flags, seek, *[b"data"] * 997],
            "a chunk that ends beyond 2^63": wire.post_chunk(2**63 - 2, b"data"),
            "a seek of 2^63": wire.post_chunk(2**63, b"data"),
            "a seek that overflows": wire.post_chunk(2**64 - 1, b"data"),
            "an empty chunk that is not the last": wire.post_chunk(0, b""),
            "a last chunk without a checksum": wire.post_chunk(0, b"", flags=wire.LAST),
            "a checksum of 31 bytes": wire.post_chunk(0, b"", bytes(31)),
            "a checksum in hexadecimal": wire.post_chunk(0, b"", b"0" * 64),
        }
        for number, (what, frames) in enumerate(in_session.items()):
            for opts in (None, options()):
                with self.subTest(what, ours=opts is not None), self.sender.raw() as peer:
                    self.open(peer, f"case{number}{'o' if opts else ''}.bin", opts)
                    self.assert_refused(peer, frames, 400)
        self.assert_serves()

    def test_order(self) -> None:
        for frames in (wire.post_chunk(0, b"data"), wire.query_status(), wire.post_chunk(0, b"", bytes(32))):
            with self.subTest(frames[0]), self.sender.raw() as peer:
                self.assert_refused(peer, frames, 404)
        self.assertEqual(self.server.ledger.uploads(), [])

    def test_a_second_post_file(self) -> None:
        opts = options(10)
        with self.sender.raw() as peer:
            first, again = (self.open(peer, "ours.bin", opts) for _ in range(2))
            assert first.options and again.options
            for key in ("dync", "key", "upload_id", "seek"):
                self.assertEqual(first.options[key], again.options[key], key)
            self.assertEqual((first.options["key"], first.options["seek"]), (opts["key"], 0))
            self.assertEqual((first.chunksize, first.maxqueue), (again.chunksize, again.maxqueue))
            self.assert_refused(peer, wire.post_file("ours.bin", b"{}", {**opts, "size": 11}), 409)
        with self.sender.raw() as peer:
            self.assertEqual(self.open(peer, "original.bin"), self.open(peer, "original.bin"))
            self.assert_refused(peer, wire.post_file("other.bin"), 409)
        with self.sender.raw() as peer:
            self.open(peer, "metadata.bin")
            self.assert_refused(peer, wire.post_file("metadata.bin", {"other": 1}), 409)
        self.assertEqual(len(self.server.ledger.uploads()), 3)

    def test_chunk_too_large(self) -> None:
        for opts in (None, options()):
            with self.subTest(ours=opts is not None), self.sender.raw() as peer:
                approved = self.open(peer, "large.bin" if opts else "large2.bin", opts)
                self.assert_refused(peer, wire.post_chunk(0, bytes(approved.chunksize + 1)), 413)

    def test_a_frame_beyond_all_limits(self) -> None:
        """libzmq ends the connection; the upload waits for the next one."""
        data = os.urandom(1000)
        with self.sender.raw() as peer:
            self.open(peer, "giant.bin")
            peer.send(wire.post_chunk(0, bytes(64 * KIB * KIB)))
            self.assertIsNone(peer.receive(0.5))
        self.assert_serves()
        with self.sender.raw() as peer:
            self.open(peer, "other.bin")
            peer.ask(wire.post_chunk(0, data, hashlib.sha256(data).digest()), wire.UploadFinished)

    def test_another_size_than_was_declared(self) -> None:
        for name, size in (("less.bin", 5), ("more.bin", 3)):
            with self.subTest(name), self.sender.raw() as peer:
                self.open(peer, name, options(size))
                peer.send(wire.post_chunk(0, b"data"))
                error = peer.ask(wire.post_chunk(4, b"", hashlib.sha256(b"data").digest()), wire.Error)
                self.assertIn(error.code, (400, 422), error.message)
                self.assertTrue(one_sentence(error.message), error.message)
        self.assertEqual(self.server.ledger.uploads("committed"), [])
        self.assert_serves("less.bin")

    def test_more_than_the_credit(self) -> None:
        for opts in (None, options()):
            with self.subTest(ours=opts is not None):
                self.assert_greed_is_refused("greedy2.bin" if opts else "greedy.bin", opts)
        self.assert_serves()

    def assert_greed_is_refused(self, name: str, opts: Optional[wire.Json]) -> None:
        with self.sender.raw() as peer:
            self.open(peer, name, opts)
            error: Optional[wire.Error] = None
            sent = 0
            while error is None and sent < 200_000:
                for sent in range(sent, sent + 1000):
                    peer.send(wire.post_chunk(sent, b"x"))
                sent += 1
                while (message := peer.receive(0)) is not None:
                    error = message if isinstance(message, wire.Error) else error
            error = error or peer.expect(wire.Error)
            say(f"beyond the credit: refused after {sent} chunks")
            self.assertEqual(error.code, 429, error.message)
            self.assertTrue(one_sentence(error.message), error.message)

    def test_seek_below_and_above(self) -> None:
        data = os.urandom(30)
        with self.sender.raw() as peer:
            self.open(peer, "seek.bin", options(len(data)))
            peer.send(wire.post_chunk(0, data[:10]))
            peer.send(wire.post_chunk(20, b"gap"))
            report = peer.expect(wire.StatusReport)
            self.assertEqual(report.seek, 10)
            for _ in range(5):  # one report at once, the rest is dropped until seek fits
                peer.send(wire.post_chunk(23, b"gap"))
            peer.send(wire.post_chunk(0, b"repeated!!"))
            peer.send(wire.post_chunk(10, data[10:]))
            peer.send(wire.post_chunk(30, b"", hashlib.sha256(data).digest()))
            end, reports = time.monotonic() + 30, 0
            while not isinstance(message := peer.receive(end - time.monotonic()), wire.UploadFinished):
                self.assertNotIsInstance(message, (wire.Error, type(None)))
                reports += isinstance(message, wire.StatusReport)
            self.assertEqual(reports, 0, "one status-report for one gap")
        stored = self.server.dropbox("any") / "seek.bin" / "seek.bin"
        self.assertEqual(stored.read_bytes(), data)

    def test_the_last_chunk_may_carry_data(self) -> None:
        data = os.urandom(200)
        with self.sender.raw() as peer:
            self.open(peer, "carries.bin")
            peer.send(wire.post_chunk(0, data[:150]))
            peer.ask(wire.post_chunk(150, data[150:], hashlib.sha256(data).digest()), wire.UploadFinished)
        self.assertEqual((self.server.dropbox("any") / "carries.bin" / "carries.bin").read_bytes(), data)

    def test_a_wrong_checksum(self) -> None:
        for opts in (None, options(4)):
            name = "wrong.bin" if opts else "wrong2.bin"
            with self.subTest(ours=opts is not None), self.sender.raw() as peer:
                self.open(peer, name, opts)
                peer.send(wire.post_chunk(0, b"data"))
                self.assert_refused(peer, wire.post_chunk(4, b"", bytes(32)), 422)
                (row,) = self.server.ledger.named(name)
                self.assertEqual((row["state"], row["error_code"]), ("failed", 422))
        self.assertEqual(list(self.server.dropbox("any").iterdir()), [])
        self.assert_serves("wrong.bin")  # the name is free again

    def test_the_client_gives_up(self) -> None:
        with self.sender.raw() as peer:
            self.open(peer, "given-up.bin")
            peer.send(wire.post_chunk(0, b"data"))
            peer.send(wire.error(500, "The disk is on fire."))
            promise("the upload is aborted", 2, lambda: self.server.ledger.uploads("aborted"))
        (row,) = self.server.ledger.uploads()
        self.assertIn("The disk is on fire.", row["error"])
        self.assertEqual(self.server.ledger.events(row["upload_id"])[-1]["event"], "aborted")
        promise("its staging directory is gone", 2,
                lambda: not (self.server.layout.staging / row["upload_id"]).exists())
        self.assert_serves("givenup.bin")

    def test_after_the_end(self) -> None:
        data = b"finished"
        with self.sender.raw() as peer:
            self.open(peer, "ended.bin", options(len(data)))
            peer.send(wire.post_chunk(0, data))
            last = wire.post_chunk(len(data), b"", hashlib.sha256(data).digest())
            finished = peer.ask(last, wire.UploadFinished)
            assert finished.receipt is not None
            self.assertEqual(finished.receipt["sha256"], hashlib.sha256(data).hexdigest())
            self.assertEqual((finished.receipt["dync"], finished.receipt["size"]), (2, len(data)))
            self.assertEqual(finished.receipt["upload_id"], finished.upload_id)
            for frames in (wire.query_status(), last, wire.post_chunk(0, data)):
                again = wait_until(lambda: self._ask_again(peer, frames), 20, "upload-finished again")
                self.assertEqual(again, finished)
            self._flood(peer, finished)
        self.assertEqual(len(self.server.ledger.uploads()), 1)

    @staticmethod
    def _ask_again(peer: RawPeer, frames: list[bytes]) -> Optional[wire.ServerMessage]:
        peer.send(frames)
        return peer.receive(0.5)

    def _flood(self, peer: RawPeer, finished: wire.UploadFinished) -> None:
        start, answers = time.monotonic(), 0
        while time.monotonic() < start + 2:
            for _ in range(20):
                peer.send(wire.query_status())
            while (message := peer.receive(0.01)) is not None:
                self.assertEqual(message, finished)
                answers += 1
        say(f"a flood of query-status: {answers} answers in 2 s")
        self.assertLessEqual(answers, 2 * 5 + 1, "at most a few a second")

    def test_a_client_that_never_reads(self) -> None:
        def deaf(socket: zmq.Socket) -> None:
            socket.setsockopt(zmq.RCVHWM, 1)
            socket.setsockopt(zmq.RCVBUF, 4096)

        with self.sender.raw(configure=deaf) as peer:
            peer.send(wire.post_file("deaf.bin"))
            for _ in range(20_000):
                peer.send(wire.query_status())
            self.assert_serves()


class RulesTest(RefusalTest):
    def test_names(self) -> None:
        names: dict[str, Union[str, bytes]] = {
            "reserved": "source_dropbox.txt", "empty": "", "a slash": "a/b.bin", "only a slash": "/",
            "absolute": "/etc/x.bin",
            "dot dot": "..", "dot dot slash": "../x.bin", "dot": ".", "NUL": b"a\0b.bin", "a newline": "a\nb.bin",
            "a control character": "a\x07b.bin", "DEL": "a\x7fb.bin", "a leading dot": ".hidden.bin",
            "a marker": ".MARKER_is_finished_x.bin", "201 bytes": "a" * 197 + ".bin", "60 kB": "a" * 60_000 + ".bin",
            "bad UTF-8": b"\xff\xfe.bin", "overlong UTF-8": b"\xc0\xaf.bin", "surrogates": b"a\xed\xa0\x80.bin",
            "a C1 control character": "a\x85b.bin",
            **{f"bidi {each!r}": f"a{each}b.bin" for each in "\u202a\u202b\u202c\u202d\u202e\u2066\u2069"},
            "nothing left of the stem": "(((.bin", "a suffix with other characters": "a.b-n",
        }
        for what, name in names.items():
            with self.subTest(what):
                self.assert_post_refused(400, name)
        self.assert_serves("a" * 196 + ".bin")  # 200 bytes

    def test_metadata(self) -> None:
        cases: dict[str, tuple[int, bytes]] = {
            "a list": (400, b"[]"), "a number": (400, b"7"), "nothing": (400, b""), "half": (400, b'{"a":'),
            "two values": (400, b"{} {}"), "bad UTF-8": (400, b'{"a":"\xff"}'), "a key twice": (400, b'{"a":1,"a":2}'),
            "a key twice, deeper": (400, b'{"x":{"a":1,"\\u0061":2}}'), "NaN": (400, b'{"a":NaN}'),
            "Infinity": (400, b'{"a":-Infinity}'), "a comment": (400, b'{"a":1/**/}'),
            "a lone surrogate": (400, b'{"a":"\\ud800"}'),
            "depth 17": (400, b'{"a":' + b"[" * 16 + b"]" * 16 + b"}"),
            "more than 64 KiB": (413, b'{"a":"' + b"x" * 64 * KIB + b'"}'),
        }
        for what, (code, metadata) in cases.items():
            with self.subTest(what):
                self.assert_post_refused(code, metadata=metadata)
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("d16.bin", b'{"a":' + b"[" * 15 + b"]" * 15 + b"}"), wire.UploadApproved)
        with self.sender.raw() as peer:
            full = b'{"a":"' + b"x" * (64 * KIB - 8) + b'"}'
            self.assertEqual(len(full), 64 * KIB)
            peer.ask(wire.post_file("full.bin", full), wire.UploadApproved)

    def test_dropboxes_and_barcodes(self) -> None:
        self.assert_post_refused(422, "nobody.wants")
        for what, name in {
            "none": "lane1.fastq", "a wrong check character": "QQBIC001AA.fastq", "lower case": "qqbic001ah.fastq",
            "two": "QQBIC001AH_QQBIC002AP.fastq", "only in the suffix": "lane1.QQBIC001AH",
        }.items():
            with self.subTest(what):
                self.assert_post_refused(422, name)
        for name in ("QQBIC001AH.fastq", "x_QQBIC001AH_QQBIC001AH_y.fastq"):
            with self.subTest(name), self.sender.raw() as peer:
                self.open(peer, name)
        stranger = self.another_sender("user2")
        wait_until(lambda: self._opens_session(stranger, "known.bin"), 20, "the new key is known")
        with stranger.raw() as peer:  # the rule for pdf lists user1 alone
            self.assert_refused(peer, wire.post_file("paper.pdf"), 422)
        with self.sender.raw() as peer:
            self.open(peer, "paper.pdf")

    @staticmethod
    def _opens_session(sender: object, name: str) -> bool:
        with sender.raw() as peer:  # type: ignore[attr-defined]
            peer.send(wire.post_file(name))
            if not isinstance(peer.receive(1), wire.UploadApproved):
                return False
            peer.send(wire.error(400, "Only asking."))
            return True

    def test_our_client_tells_why(self) -> None:
        done = self.sender.send(self.file("nobody.wants", 5))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("nobody.wants", done.stderr)

    def test_our_client_with_a_name_that_is_no_text(self) -> None:
        """Whoever refuses it, client or server, the client hears it at once and goes on with the next."""
        bad = os.fsdecode(os.fsencode(self.lab) + b"/latin\xff.bin")
        with open(bad, "wb") as file:
            file.write(b"data")
        start = time.monotonic()
        done = self.sender.send(bad, self.file("next.bin", 10), errors="surrogateescape")
        say(f"a bad name: {time.monotonic() - start:.1f} s")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertLess(time.monotonic() - start, 20)
        self.assert_stored(self.lab / "next.bin", "any")

    def test_conflict_and_exists(self) -> None:
        first, second = self.sender.raw(), self.sender.raw()
        with first, second:
            self.open(first, "same name.bin", options(4))
            self.assert_refused(second, wire.post_file("samename.bin", b"{}", options(4)), 409)
            self.assert_refused(second, wire.post_file("samename.bin"), 409)
            first.send(wire.post_chunk(0, b"data"))
            first.ask(wire.post_chunk(4, b"", hashlib.sha256(b"data").digest()), wire.UploadFinished)
        self.assert_post_refused(409, "same name.bin")
        marker = self.server.dropbox("any") / ".MARKER_is_finished_alone.bin"
        marker.touch()
        self.assert_marker_alone_refused("alone.bin")
        marker.unlink()
        self.assert_serves("alone.bin")

    def assert_marker_alone_refused(self, name: str) -> None:
        """Step 6: a marker without data. It may be found at once, or at the end."""
        with self.sender.raw() as peer:
            peer.send(wire.post_file(name))
            answer = peer.receive(30)
            if isinstance(answer, wire.UploadApproved):
                peer.send(wire.post_chunk(0, b"data"))
                answer = peer.ask(wire.post_chunk(4, b"", hashlib.sha256(b"data").digest()), wire.Error)
            assert isinstance(answer, wire.Error), answer
            self.assertEqual(answer.code, 409, answer.message)
            self.assertIn("marker", answer.message)

    def test_refusals_are_events(self) -> None:
        self.assert_post_refused(422, "nobody.wants")
        refused = [event for event in self.server.ledger.all_events() if event["event"] == "refused"]
        self.assertEqual(len(refused), 2)
        self.assertIn("nobody.wants", refused[0]["detail"])


if __name__ == "__main__":
    main()
