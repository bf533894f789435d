"""The Nth call that touches a file fails, N = 1 until none is left to fail: an upload is stored, or refused without a
trace, and the next one works. CI: EIO, once. DYNC_TEST_FULL=1: EIO, ENOSPC and EDQUOT, once and for good."""
from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional, Union

from tests.e2e import archives
from tests.e2e.fault import ALL, Faults
from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import PATIENCE, say, wait_until
from tests.peer import wire
from tests.peer.dync_client import DyncClient, Refused, Upload
from tests.peer.raw import NoAnswer

HEARD = 5.0  # promised: the client hears within 5 s
BROKEN = 1.0  # for good: so long nothing works, then it does again
FULL = bool(os.environ.get("DYNC_TEST_FULL"))
KIB = 1024
LEDGER = "dync.sqlite"
# A file of the upload that could not be synced: it is not stored, whatever can be read of it now.
NOT_SYNCED = re.compile(r"sync \S*/(data|stamp|a\.txt|b\.bin|source_dropbox\.txt|\.MARKER_\S+|"
                        r"\S+\.(sha256sum|origlabfilename|metadata\.json)): ")
Ended = Union[wire.UploadFinished, Refused, None]


@dataclass
class Work:
    """One kind of upload: `data` in the round of this number, `send` on a fresh connection, `item` in the dropbox."""

    name: str
    suffix: str
    dropbox: str
    data: Callable[[int], bytes]
    metadata: str = "{}"
    interrupted: bool = False

    def upload(self, tag: str, number: int) -> Upload:
        return Upload(f"{tag}{self.suffix}", self.data(number), metadata=self.metadata)


def some_bytes(size: int) -> Callable[[int], bytes]:
    return lambda number: random.Random(number).randbytes(size)


def archive(number: int) -> bytes:
    top = f"top{number}"
    return archives.tar(f"{top}/", (f"{top}/a.txt", b"alpha"), (f"{top}/b.bin", random.Random(number).randbytes(9000)))


WORKS = (
    Work("small", ".bin", "any", some_bytes(5000)),
    Work("large", ".bin", "any", some_bytes(9 * KIB * KIB + 77)),
    Work("archive", ".tar", "tar", archive, json.dumps({"untar": True})),
    Work("interrupted", ".bin", "any", some_bytes(2 * KIB * KIB + 77), interrupted=True),
)


class IoErrorsTest(ServerTest):
    EXPECTED_ERRORS = ("",)  # each failure has its own

    def prepare(self) -> None:
        self.faults = Faults(self.server.home)
        self.addCleanup(self.faults.remove)
        self.server.environment.update(self.faults.environment, DYNC_TEST_RESTART_MS="50")
        self.number = 0
        self.failed: list[str] = []
        self.slowest = (0.0, "")

    def test_each_call(self) -> None:
        began = time.monotonic()
        for error in (errno.EIO, errno.ENOSPC, errno.EDQUOT) if FULL else (errno.EIO,):
            for for_good in (False, True) if FULL else (False,):
                for work in WORKS:
                    for area in self.areas(work):
                        self.each_call(work, area, error, for_good)
        say(f"all: {time.monotonic() - began:.0f} s")
        self.assertEqual(self.failed, [])
        self.server.restart()  # tidies what a failed removal left
        self.server.environment.clear()

    def areas(self, work: Work) -> list[Optional[Path]]:
        """Everywhere; for the ledger's many calls one kind of upload stands for all in CI."""
        if FULL or work is WORKS[0]:
            return [None]
        return [self.server.layout.staging, self.server.dropbox(work.dropbox)]

    def each_call(self, work: Work, area: Optional[Path], error: int, for_good: bool) -> None:
        what = (f"{work.name}, {errno.errorcode[error]} {'for good' if for_good else 'once'} "
                f"{'in ' + area.name if area else 'anywhere'}")
        began, self.slowest, ends = time.monotonic(), (0.0, ""), {"stored": 0, "refused": 0}
        at, left = 0, True
        while left:
            at += 1
            try:
                left = self.one_call(work, area, at, error, for_good, ends)
            except AssertionError as failed:
                self.failed.append(f"{what}, call {at}: {failed}")
                say(f"FAILED: {self.failed[-1]}")
        say(f"{what}: {at} rounds in {time.monotonic() - began:.1f} s, {ends}; the slowest answer after "
            f"{self.slowest[0]:.2f} s (promised {HEARD:g} s): {self.slowest[1]}")

    def one_call(self, work: Work, area: Optional[Path], at: int, error: int, for_good: bool, ends: dict[str, int]) -> bool:
        self.number += 1
        others, (committer,) = self.pids(), self.server.workers("dync-committer")
        upload = work.upload(f"n{self.number}", self.number)
        self.faults.arm(ALL, at, error, for_good, prefix=area)
        try:
            ended = self.send(work, upload, for_good)
        except NoAnswer as silent:
            raise AssertionError(f"{silent}; {self.what_failed()}\n{self.server.log()[-1500:]}") from None
        finally:
            reached = self.faults.failures > 0
            self.faults.disarm()
        if isinstance(ended, wire.UploadFinished):
            if reached and not work.interrupted and not for_good:
                self.assertNotRegex(self.what_failed(), NOT_SYNCED, "called a success")
            self.assert_published(work, upload)
        else:
            self.assert_no_trace(work, upload, ended)
        ends["stored" if isinstance(ended, wire.UploadFinished) else "refused"] += 1
        self.assertEqual(self.pids(), others, f"a process ended itself; {self.what_failed()}")
        if self.server.workers("dync-committer") != [committer]:
            self.assertTrue(any(LEDGER in line for line in self.faults.log()[-self.faults.failures:]), self.what_failed())
        if not isinstance(ended, wire.UploadFinished):
            again = work.upload(f"n{self.number}", self.number)
            self.assertIsInstance(self.send(work, again, False), wire.UploadFinished, "the next upload works")
            self.assert_published(work, again)
        return reached

    def pids(self) -> list[int]:
        return [self.server.pid, *self.server.workers("dync-receiver"), *self.server.workers("dync-hasher")]

    def what_failed(self) -> str:
        return "; ".join(self.faults.log()[-max(1, min(3, self.faults.failures)):])

    # ---- one upload ----

    def send(self, work: Work, upload: Upload, for_good: bool) -> Ended:
        began = time.monotonic()
        with self.sender.peer() as peer:
            try:
                if work.interrupted:
                    self.interrupt(peer, upload)
                ended: Ended = self.finish_one(peer, upload, for_good)
            except Refused as refused:
                ended = refused
        took = time.monotonic() - began
        if took > self.slowest[0]:
            self.slowest = (took, self.what_failed())
        return ended

    def finish_one(self, peer: DyncClient, upload: Upload, for_good: bool) -> Ended:
        if not for_good:
            return peer.upload(upload, HEARD * PATIENCE)
        try:
            return peer.upload(upload, BROKEN)
        except NoAnswer:
            self.faults.disarm()
        with self.sender.peer() as fresh:
            return fresh.upload(upload, HEARD * PATIENCE)

    def interrupt(self, peer: DyncClient, upload: Upload) -> None:
        """Another connection of the same client begins it; `peer` takes it over."""
        with self.sender.peer() as first:
            try:
                transfer = first.open(upload, HEARD)
                first.send_until(transfer, KIB * KIB, HEARD)
            except (Refused, NoAnswer):
                return  # `peer` will hear it too, or go on

    # ---- what is there afterwards ----

    def place(self, work: Work, upload: Upload) -> tuple[Path, Path]:
        clean = f"top{self.number}" if work.suffix == ".tar" else upload.name
        box = self.server.dropbox(work.dropbox)
        return box / clean, box / f".MARKER_is_finished_{clean}"

    def assert_published(self, work: Work, upload: Upload) -> None:
        item, marker = self.place(work, upload)
        self.assertTrue(marker.is_file(), f"finished, but no marker; {self.what_failed()}")
        if work.suffix == ".tar":
            self.assertEqual({p.name for p in item.iterdir()}, {"a.txt", "b.bin"})
        else:
            self.assertEqual(hashlib.sha256((item / upload.name).read_bytes()).digest(), upload.sha256, self.what_failed())
        rows = [row for row in self.server.ledger.named(upload.name) if row["state"] == "committed"]
        self.assertEqual(len(rows), 1)

    def assert_no_trace(self, work: Work, upload: Upload, refused: Optional[Refused]) -> None:
        assert refused is not None
        self.assertIn(refused.code, (500, 503, 507), f"{refused}; {self.what_failed()}")
        for path in self.place(work, upload):
            self.assertFalse(path.exists(), f"{path} is visible after {refused}; {self.what_failed()}")
        wait_until(lambda: self.states(upload) <= {"failed", "aborted"}, HEARD * PATIENCE,
                   f"the ledger says that it has ended; {self.what_failed()}")

    def states(self, upload: Upload) -> set[str]:
        """Of those that are not parked: such a one waits for its client, reserves nothing and shows nothing."""
        rows = self.server.ledger.query("SELECT state FROM uploads JOIN sessions USING (upload_id) WHERE filename = ? "
                                        "AND (parked_seconds IS NULL OR state <> 'receiving')", upload.name)
        return {row["state"] for row in rows}


if __name__ == "__main__":
    main()
