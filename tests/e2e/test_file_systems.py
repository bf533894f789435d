"""Dropboxes on other file systems than staging: the same promises, by a copy and a rename on that side."""
from __future__ import annotations

import hashlib
import os
from pathlib import Path
from unittest import mock

from tests.e2e import archives, mounts
from tests.e2e.config import Dropbox
from tests.e2e.consumer import Consumer
from tests.e2e.harness import ServerTest, main, program, run
from tests.e2e.timing import wait_until
from tests.peer import wire

MIB = 1024 * 1024
STAGING = ".dync-staging"


class FileSystemTest(ServerTest):
    """`other/` is an ext4 of its own with the dropboxes `far` and `fartar`."""

    DROPBOXES = (Dropbox("other/far", r"far.*\.bin$"), Dropbox("other/fartar", r"far.*\.tar$"))
    SIZE = 64

    @property
    def other(self) -> Path:
        return self.server.home / "other"

    def prepare(self) -> None:
        mounts.mount_ext4(self, self.other, self.server.home / "other.ext4", self.SIZE)
        self.server.layout.make()

    def staging_is_empty(self) -> bool:
        return not any((self.other / STAGING).iterdir())


class UploadTest(FileSystemTest):
    def prepare(self) -> None:
        super().prepare()
        mounts.mount_tmpfs(self, self.server.layout.manual, 16)
        (self.server.layout.manual / "word").mkdir()

    def test_files_archives_and_passthrough(self) -> None:
        files = [self.file(f"far{size}.bin", size) for size in (0, 1, 4096, 3 * MIB + 1, 20 * MIB)]
        self.assert_sent(self.sender.send(*files))
        for file in files:
            self.assert_stored(file, "other/far")
        archive = self.lab / "far.tar"
        archive.write_bytes(archives.tar("TOP/", ("TOP/a", b"first"), ("TOP/sub/b", b"second")))
        self.assert_sent(self.sender.send("-kuntar:True", archive))
        self.assertEqual((self.server.dropbox("other/fartar") / "TOP" / "sub" / "b").read_bytes(), b"second")
        passed = self.file("anything.bin", 5000)
        self.assert_sent(self.sender.send("-kpassthrough:word", passed))
        self.assert_stored(passed, "manual/word")
        near = self.file("near.bin", 5000)
        self.assert_sent(self.sender.send(near))
        self.assert_stored(near, "any")
        wait_until(self.staging_is_empty, 30, "the dropbox's staging is tidied")
        self.assertFalse(any((self.server.layout.manual / STAGING).iterdir()))
        self.assertEqual(sorted(entry.name for entry in self.other.iterdir() if entry.name != "lost+found"),
                         [STAGING, "far", "fartar"])

    def test_a_name_that_is_taken(self) -> None:
        file = self.file("far.bin", 100)
        self.assert_sent(self.sender.send(file))
        again = self.sender.send("--no-resume", file)
        self.assertEqual(again.returncode, 1)
        self.assertIn("exists already", again.stderr)
        self.assert_stored(file, "other/far")


class KillTest(FileSystemTest):
    """The committer dies in the middle of a copy, at each of its first starts."""

    EXPECTED_ERRORS = (r"worker\.died worker=committer",)
    DEATHS = 3

    def prepare(self) -> None:
        super().prepare()
        tokens = self.server.home / "tokens"
        tokens.mkdir()
        for number in range(self.DEATHS):
            (tokens / f"commit.5.copying.{number}").touch()
        environment = mock.patch.dict(os.environ, DYNC_CRASH_AT="commit.5.copying:7", DYNC_CRASH_TOKENS=str(tokens))
        environment.start()
        self.addCleanup(environment.stop)

    def test_it_begins_anew(self) -> None:
        trash = self.other / "trash"
        trash.mkdir()
        consumer = Consumer(self.server.dropbox("other/far"), trash)
        consumer.start()
        try:
            files = [self.file(f"far{i}.bin", (8 + i) * MIB) for i in range(2)]
            self.assert_sent(self.sender.send(*files))
            wait_until(lambda: len(consumer.taken) == 2, 60, "the consumer has both")
        finally:
            consumer.end()
        self.consumed |= set(consumer.taken)
        self.assertEqual(consumer.violations, [])
        self.assertEqual(list((self.server.home / "tokens").iterdir()), [], "it died as often as it should")
        self.assertEqual(len(self.server.ledger.uploads("committed")), 2)
        wait_until(self.staging_is_empty, 30, "no copy is left over")


class FullTest(FileSystemTest):
    EXPECTED_ERRORS = (r"upload\.waits",)
    SIZE = 24

    def fill(self) -> Path:
        hog = self.other / "hog"
        with open(hog, "wb", buffering=0) as filling:
            try:
                while filling.write(bytes(MIB)):
                    pass
            except OSError:
                return hog
        return hog

    def test_a_full_target_is_waited_for(self) -> None:
        """It gets full after the upload was admitted."""
        data, near = os.urandom(3 * MIB), self.file("near.bin", 1000)
        options = {"dync": 2, "key": "0123456789abcdef" * 2, "size": len(data), "mtime_ns": 1}
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("far.bin", b"{}", options), wire.UploadApproved)
            hog = self.fill()
            for seek in range(0, len(data), MIB):
                peer.send(wire.post_chunk(seek, data[seek:seek + MIB]))
            peer.send(wire.post_chunk(len(data), b"", hashlib.sha256(data).digest()))
            wait_until(lambda: "upload.waits" in self.server.log(), 60, "the upload waits for room")
            self.assert_sent(self.sender.send(near))
            self.assertEqual(list(self.server.dropbox("other/far").iterdir()), [])
            hog.unlink()
            peer.expect(wire.UploadFinished, 60)
        self.assertEqual((self.server.dropbox("other/far") / "far.bin" / "far.bin").read_bytes(), data)


class OwnStagingTest(ServerTest):
    """The dropbox is a mount point itself, and its rule names a staging below it, or a bind mount."""

    DROPBOXES = (Dropbox("mounted/box", r"own.*\.bin$"), Dropbox("bound/box", r"bound.*\.bin$"))

    def prepare(self) -> None:
        home = self.server.home
        mounts.mount_bind(self, home / "bound", home / "real")
        mounts.mount_tmpfs(self, home / "mounted", 16)
        self.server.layout.make()
        (home / "mounted" / "ready").mkdir()
        self.server.layout.dropboxes[0].rules["staging"] = str(home / "mounted" / "ready")
        self.server.layout.config.write_text(self.server.layout.text())

    def test_uploads(self) -> None:
        home = self.server.home
        for name, place in (("own.bin", "mounted"), ("bound.bin", "bound")):
            file = self.file(name, 3 * MIB)
            self.assert_sent(self.sender.send(file))
            self.assert_stored(file, f"{place}/box")
        self.assertEqual({entry.name for entry in (home / "mounted").iterdir()}, {"box", "ready"})
        self.assertEqual({entry.name for entry in (home / "real").iterdir()}, {"box", STAGING})
        wait_until(lambda: not any((home / "mounted" / "ready").iterdir()), 30, "its own staging is tidied")


class RefusalTest(ServerTest):
    """No rename leads into the dropbox: the server does not start."""

    def check(self, sentence: str) -> None:
        for words in (["check"], []):
            done = run([program("dync-server"), *words, "-c", self.server.layout.config], self.server.home)
            self.assertEqual((done.returncode, done.stdout), (78, ""), done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn(sentence, done.stderr)

    def test_no_way_into_the_dropbox(self) -> None:
        self.server.stop()
        layout, home = self.server.layout, self.server.home
        standard = layout.dropboxes
        mounts.mount_tmpfs(self, home / "point", 4)
        layout.dropboxes = [Dropbox("point", ".*"), *standard]
        layout.config.write_text(layout.text())
        self.check(f"storage.dropboxes[0].path: {home}/point is on another file system or mount")
        layout.dropboxes[0].rules["staging"] = str(layout.manual)
        layout.config.write_text(layout.text())
        self.check(f"storage.dropboxes[0].staging: {layout.manual} is on another file system or mount")
        layout.dropboxes[0].rules["staging"] = str(home / "point" / "inside")
        (home / "point" / "inside").mkdir()
        layout.config.write_text(layout.text())
        self.check("lies in the dropbox")
        mounts.mount_ext4(self, home / "sealed", home / "sealed.ext4", 8)
        (home / "sealed" / "box").mkdir()
        layout.dropboxes = [Dropbox("sealed/box", ".*"), *standard]
        layout.config.write_text(layout.text())
        mounts.run("chattr", "+i", home / "sealed")
        self.check(f"{home}/sealed/.dync-staging, where its items would be made ready, can't be written")
        layout.dropboxes = standard
        layout.config.write_text(layout.text())
        self.server.start()


if __name__ == "__main__":
    main()
