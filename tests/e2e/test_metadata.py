"""What a dropbox demands of metadata, and what metadata itself asks for: untar, passthrough."""
from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import tarfile
import time
from pathlib import Path
from typing import Any

from tests.e2e import store
from tests.e2e.config import Dropbox
from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import promise, say, wait_until
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


class AccessTest(ServerTest):
    """Who may read what is stored: the umask, and a dropbox's mode and group."""

    GROUP = 54321 if os.geteuid() == 0 else os.getegid()
    DROPBOXES = (
        Dropbox("shared", r"shared.*", {"requires_barcode": False, "mode": 0o770, "group": GROUP}),
        Dropbox("readable", r"readable.*", {"requires_barcode": False, "mode": 0o755}),
    )

    def access(self, item: Path) -> dict[str, tuple[int, int]]:
        """Permissions and group of the item, all in it, and its marker."""
        paths = [item, *item.rglob("*"), store.marker_of(item)]
        return {str(path.relative_to(item.parent)): (path.stat().st_mode & 0o7777, path.stat().st_gid) for path in paths}

    def assert_access(self, item: Path, directories: int, group: int) -> None:
        found = self.access(item)
        self.assertGreater(len(found), 2)
        for path, (mode, gid) in found.items():
            wanted = directories if (item.parent / path).is_dir() else directories & 0o666
            self.assertEqual((oct(mode), gid), (oct(wanted), group), path)

    def test_a_dropbox_has_mode_and_group_whatever_the_umask_is(self) -> None:
        self.assert_sent(self.sender.send(self.file("shared.bin", 1000)))
        self.assert_access(self.server.dropbox("shared") / "shared.bin", 0o770, self.GROUP)
        self.assert_sent(self.sender.send(self.file("readable.bin", 1000)))
        self.assert_access(self.server.dropbox("readable") / "readable.bin", 0o755, os.getegid())

    def test_an_unpacked_archive_too(self) -> None:
        path = self.lab / "shared.tar"
        with tarfile.open(path, "w") as tar:
            for name, kind in (("top", tarfile.DIRTYPE), ("top/sub", tarfile.DIRTYPE), ("top/sub/a", tarfile.REGTYPE)):
                member = tarfile.TarInfo(name)
                member.type, member.mode = kind, 0o777
                tar.addfile(member, io.BytesIO(b""))
        self.assert_sent(self.sender.send("-kuntar:True", path))
        self.assert_access(self.server.dropbox("shared") / "top", 0o770, self.GROUP)

    def test_the_access_of_an_upload_that_runs_survives_a_kill_and_a_reload(self) -> None:
        self.expected_errors += ["worker.died"]
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("shared-slow.bin"), wire.UploadApproved)
            self.server.layout.dropboxes[0].rules = {"requires_barcode": False}
            self.server.layout.config.write_text(self.server.layout.text())
            os.kill(self.server.pid, signal.SIGHUP)
            promise("the reload is told", 2, lambda: "config.reloaded" in self.server.log())
            self.server.kill_worker("dync-committer")
            peer.ask(wire.post_chunk(0, b"data", hashlib.sha256(b"data").digest()), wire.UploadFinished)
        self.assert_access(self.server.dropbox("shared") / "sharedslow.bin", 0o770, self.GROUP)

    def test_everything_else_is_as_the_umask_has_it(self) -> None:
        self.assert_sent(self.sender.send(self.file("plain.bin", 1000)))
        self.assert_access(self.server.dropbox("any") / "plain.bin", 0o700, os.getegid())
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("under-way.bin"), wire.UploadApproved)
            peer.send(wire.post_chunk(0, b"data"))
            staging = self.server.layout.staging
            wait_until(lambda: [p for p in staging.glob("*/data") if p.stat().st_size == 4], 20, "the data is staged")
            written = [self.server.layout.log, self.server.runtime_dir]
            for directory in (self.server.layout.store, staging, self.server.runtime_dir):
                written += directory.rglob("*")
            open_ones = {str(path): oct(path.stat().st_mode & 0o777) for path in written if path.stat().st_mode & 0o077}
            peer.send(wire.error(500, "the client gives up"))
        self.assertEqual(open_ones, {str(self.server.layout.run_file): "0o640", str(self.server.runtime_dir): "0o750"})


if __name__ == "__main__":
    main()
