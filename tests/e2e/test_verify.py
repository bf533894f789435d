"""dync-admin verify: the disk is damaged in one way after another, and each is told in exactly one line."""
from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.e2e import archives, store
from tests.e2e.harness import ServerTest, main
from tests.peer import wire


class VerifyTest(ServerTest):
    def verify(self, *words: str) -> list[str]:
        """The lines of its differences; none: it says that ledger and disk agree."""
        done = self.server.admin("verify", *words)
        lines = done.stdout.splitlines()
        self.assertEqual(done.stderr, "")
        if done.returncode == 0:
            self.assertEqual(len(lines), 1, lines)
            self.assertTrue(lines[0].startswith("ledger and disk agree: "), lines)
            return []
        self.assertEqual(done.returncode, 1, lines)
        self.assertTrue(lines)
        return lines

    def assert_told(self, what: str, *lines: str) -> None:
        with self.subTest(what):
            self.assertEqual(self.verify(), list(lines))

    def upload_all(self) -> None:
        self.stored = self.file("stored.bin", 5000)
        self.assert_sent(self.sender.send("-kA:b", self.stored))
        archive = self.lab / "run.tar"
        archive.write_bytes(archives.tar("TOP/", ("TOP/a", b"first"), ("TOP/sub/b", b"second")))
        self.assert_sent(self.sender.send("-kuntar:True", archive))
        self.assertEqual(self.verify(), [])

    def test_each_damage_is_one_line(self) -> None:
        self.upload_all()
        self.server.stop()
        item = self.server.dropbox("any") / "stored.bin"
        self.damage_files(item)
        self.damage_archive(self.server.dropbox("tar") / "TOP")
        self.damage_places(item)
        self.damage_staging()
        self.assertEqual(self.verify(), [])

    def damage_files(self, item: Path) -> None:
        data, sha256 = item / "stored.bin", store.sha256(self.stored)
        content = data.read_bytes()
        data.write_bytes(content[:4999] + bytes([content[4999] ^ 1]))
        self.assert_told("a flipped bit",
                         f"{data}: has the SHA-256 {store.sha256(data)}, the ledger says {sha256}")
        data.write_bytes(content[:-1])
        self.assert_told("a byte too few", f"{data}: has 4999 bytes, the ledger says 5000 bytes")
        data.write_bytes(content)
        sidecar = item / "stored.bin.metadata.json"
        metadata = sidecar.read_bytes()
        sidecar.unlink()
        self.assert_told("no sidecar", f"{sidecar}: is missing")
        sidecar.write_bytes(b"{}")
        self.assert_told("another sidecar", f"{sidecar}: has another content than the ledger says")
        sidecar.write_bytes(metadata)

    def damage_archive(self, top: Path) -> None:
        (top / "a").write_bytes(b"fiRst")
        self.assert_told("a member", f"{top}/a: has the SHA-256 {store.sha256(top / 'a')}, "
                         "the ledger says a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e")
        (top / "a").write_bytes(b"first")
        (top / "sub" / "b").unlink()
        self.assert_told("a member less", f"{top}/sub/b: is missing")
        (top / "sub" / "b").write_bytes(b"second")

    def damage_places(self, item: Path) -> None:
        marker, aside = store.marker_of(item), self.lab / "aside"
        marker.unlink()
        self.assert_told("registered by its consumer")
        marker.write_bytes(b"")
        item.rename(aside)
        self.assert_told("a marker without data", f"{marker}: is a marker without its item")
        marker.unlink()
        self.assert_told("taken by its consumer")
        aside.rename(item)
        marker.write_bytes(b"")
        unknown = item.with_name("unknown.bin")
        unknown.mkdir()
        for file in item.iterdir():
            shutil.copy(file, unknown / file.name.replace("stored", "unknown"))
        self.assert_told("a directory of ours without a row",
                         f"{unknown}: has the files of a dync server, but no upload in the ledger published it")
        shutil.rmtree(unknown)

    def damage_staging(self) -> None:
        (row,) = self.server.ledger.named("stored.bin")
        (ledger_id,) = self.server.ledger.query("SELECT value FROM meta WHERE name = 'ledger_id'")
        for upload, line in ((row["upload_id"], "is left over of an upload that is committed"),
                             ("f" * 32, "is staged, but the ledger has no such upload")):
            staged = self.server.layout.staging / upload
            staged.mkdir()
            (staged / "stamp").write_text(f"dync staging 1\nledger {ledger_id['value']}\nupload {upload}\n")
            self.assert_told("staging", f"{staged}: {line}")
            shutil.rmtree(staged)

    def test_of_one_upload_and_as_json(self) -> None:
        self.upload_all()
        (row,) = self.server.ledger.named("stored.bin")
        (other,) = self.server.ledger.named("run.tar")
        data = self.server.dropbox("any") / "stored.bin" / "stored.bin"
        content = data.read_bytes()
        data.write_bytes(b"")
        self.assertEqual(self.verify(row["upload_id"][:10]), [f"{data}: has 0 bytes, the ledger says 5000 bytes"])
        self.assertEqual(self.verify(other["upload_id"]), [])
        found = json.loads(self.server.admin("--json", "verify").stdout)
        self.assertEqual(found["differences"], [{"path": str(data), "upload_id": row["upload_id"],
                                                 "problem": "has 0 bytes, the ledger says 5000 bytes"}])
        data.write_bytes(content)
        unknown = self.server.admin("verify", "f" * 32)
        self.assertEqual((unknown.returncode, unknown.stdout), (1, ""))
        self.assertIn("f" * 32, unknown.stderr)

    def test_while_an_upload_is_under_way(self) -> None:
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("running.bin"), wire.UploadApproved)
            self.assertEqual(self.verify(), [])
            (row,) = self.server.ledger.named("running.bin")
            data = self.server.layout.staging / row["upload_id"]
            data.rename(self.lab / "aside")
            self.assertEqual(self.verify(), [f"{data}: is missing, but its upload is receiving"])
            (self.lab / "aside").rename(data)


if __name__ == "__main__":
    main()
