"""Archives: the good ones are unpacked, of the bad ones nothing is left, and what is none is a plain file."""
from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any, Optional

from tests.e2e import archives, store
from tests.e2e.archives import FILES, GOOD, tar
from tests.e2e.harness import ServerTest, main
from tests.peer.original_client import OriginalClient, Refused


class UntarTest(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.box = self.server.dropbox("tar")

    def upload(self, name: str, data: bytes, metadata: Optional[dict[str, Any]] = None) -> str:
        client = OriginalClient(self.server.address, self.server.public_key, self.sender.keys)
        try:
            return client.upload(io.BytesIO(data), name, {"untar": "True"} if metadata is None else metadata)
        finally:
            client.close()

    def assert_unpacked(self, upload_id: str, top: str, files: dict[str, bytes]) -> None:
        """As it came, with nothing of ours inside, and the members in the ledger."""
        item = self.box / top
        on_disk = {str(p.relative_to(self.box)): p.read_bytes() for p in [item, *item.rglob("*")] if p.is_file()}
        self.assertEqual(on_disk, files)
        marker = self.box / f".MARKER_is_finished_{top}"
        self.assertEqual(marker.read_bytes(), b"")
        row = self.server.ledger.upload(upload_id)
        self.assertEqual((row["state"], row["destination"]), ("committed", str(item)))
        members = [(m["path"], m["size"], m["sha256"]) for m in self.server.ledger.members(upload_id)]
        expected = [(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in sorted(files.items())]
        self.assertEqual(members, expected)
        events = [event["event"] for event in self.server.ledger.events(upload_id)]
        self.assertLess(events.index("verified"), events.index("extracting"))
        self.assertLess(events.index("extracting"), events.index("committed"))

    def test_a_directory(self) -> None:
        self.assert_unpacked(self.upload("run.tar", GOOD), "top", FILES)
        self.assertTrue((self.box / "top" / "sub").is_dir())

    def test_gzip_and_other_ways_to_write_it(self) -> None:
        def renamed(top: str) -> dict[str, bytes]:
            return {name.replace("top", top, 1): data for name, data in FILES.items()}

        def directory(top: str, dot: str = "", fmt: int = tarfile.PAX_FORMAT) -> bytes:
            entries = [(dot + name, data) for name, data in renamed(top).items()]
            return tar(f"{dot}{top}/", f"{dot}{top}/sub/", *entries, fmt=fmt)

        cases = {"gz": gzip.compress(directory("gz")), "dotted": directory("dotted", "./"),
                 "ustar": directory("ustar", fmt=tarfile.USTAR_FORMAT), "gnu": directory("gnu", fmt=tarfile.GNU_FORMAT),
                 "without": tar(*renamed("without").items())}
        for top, data in cases.items():
            with self.subTest(top):
                self.assert_unpacked(self.upload(f"{top}.tar", data, {"untar": True}), top, renamed(top))

    def test_a_plain_file_as_top(self) -> None:
        self.assert_unpacked(self.upload("one.tar", tar(("single.txt", b"text"))), "single.txt", {"single.txt": b"text"})

    def test_ten_members(self) -> None:
        files = {f"top/f{number}": b"x" for number in range(9)}
        self.assert_unpacked(self.upload("ten.tar", archives.ten_members()), "top", files)

    def test_eleven_members_are_told(self) -> None:
        with self.assertRaises(Refused) as caught:
            self.upload("eleven.tar", archives.ten_members(1))
        self.assertEqual(caught.exception.code, 422)
        self.assertIn("10", caught.exception.message)

    def test_bad_archives_leave_nothing(self) -> None:
        for number, (what, make) in enumerate(archives.BAD.items()):
            with self.subTest(what):
                name = f"bad{number}.tar"
                with self.assertRaises(Refused) as caught:
                    self.upload(name, make())
                self.assertEqual(caught.exception.code, 422, caught.exception.message)
                self.assertNotIn("\n", caught.exception.message)
                (row,) = self.server.ledger.named(name)
                self.assertEqual((row["state"], row["error_code"]), ("failed", 422))
                self.assertEqual(list(self.box.iterdir()), [])
                self.assertEqual(self.server.ledger.members(row["upload_id"]), [])
        for path in (Path("/tmp/dync-absolute"), self.server.home / "escaped", self.server.layout.staging / "escaped"):
            self.assertFalse(path.exists(), path)
        self.assert_unpacked(self.upload("good.tar", GOOD), "top", FILES)

    def test_what_is_no_tar_is_stored_as_a_file(self) -> None:
        plain = {"text.tar": b"no archive at all\n" * 1000, "empty.tar": b"", "page.tar.gz": gzip.compress(b"a page")}
        for name, data in plain.items():
            with self.subTest(name):
                upload_id = self.upload(name, data)
                self.assertEqual((self.box / name / name).read_bytes(), data)
                self.assertEqual(self.server.ledger.upload(upload_id)["state"], "committed")

    def test_without_untar_it_stays_one_file(self) -> None:
        cases: dict[str, dict[str, Any]] = {"plain.tar": {}, "false.tar": {"untar": "False"}, "f2.tar": {"untar": False}}
        for name, metadata in cases.items():
            with self.subTest(name):
                self.upload(name, GOOD, metadata)
                self.assertEqual((self.box / name / name).read_bytes(), GOOD)

    def test_set_id_and_owner_are_dropped(self) -> None:
        info = archives.member("top/tool", mode=0o6777, uid=12345, gid=12345, uname="nobody")
        self.upload("setid.tar", tar("top/", info))
        status = (self.box / "top" / "tool").stat()
        self.assertEqual(status.st_mode & 0o7177, 0, oct(status.st_mode))
        self.assertEqual(status.st_uid, self.box.stat().st_uid)

    def test_the_later_of_two_tops_is_refused(self) -> None:
        self.upload("first.tar", GOOD)
        before = store.tree(self.box)
        with self.assertRaises(Refused) as caught:
            self.upload("second.tar", tar("top/", ("top/other", b"x")))
        self.assertEqual(caught.exception.code, 409, caught.exception.message)
        self.assertEqual(store.tree(self.box), before)

    def test_from_our_client(self) -> None:
        (self.lab / "run.tar").write_bytes(GOOD)
        self.assert_sent(self.sender.send("-kuntar:True", self.lab / "run.tar"))
        (row,) = self.server.ledger.uploads()
        self.assert_unpacked(row["upload_id"], "top", FILES)


if __name__ == "__main__":
    main()
