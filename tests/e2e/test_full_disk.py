"""A full disk pauses uploads and stops nothing: section 8 of the contract, on a file system of 64 MiB that holds
staging, dropboxes, ledger and log."""
from __future__ import annotations

import io
import math
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import BinaryIO, Callable, Optional, cast

from tests.e2e import processes, store
from tests.e2e.config import Dropbox
from tests.e2e.harness import Server, ServerTest, main
from tests.e2e.small_disk import MIB, SmallDisk
from tests.e2e.timing import PATIENCE, promise, say, wait_until
from tests.peer.dync_client import DyncClient, Refused, Upload
from tests.peer import original_client
from tests.peer.original_client import Habits
from tests.peer.proxy import Proxy

WORKERS = ("dync-receiver", "dync-hasher", "dync-committer")
GOES_ON = 3.0  # after there is room again


def port_of(endpoint: str) -> int:
    return int(endpoint.rsplit(":", 1)[1])


class Gate:
    """Sources that stop after so many bytes until they may go further."""

    def __init__(self, at: float) -> None:
        self._at = at
        self._moved = threading.Condition()

    def move(self, at: float) -> None:
        with self._moved:
            self._at = at
            self._moved.notify_all()

    def _wait(self, position: int) -> None:
        with self._moved:
            self._moved.wait_for(lambda: position < self._at)

    def over(self, data: bytes) -> BinaryIO:
        gate, inner = self, io.BytesIO(data)

        class Source(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                gate._wait(inner.tell())
                return inner.read(size)

        return cast(BinaryIO, Source())


class Original(threading.Thread):
    """An original client that sends `size` bytes; its end is its upload_id or an exception."""

    def __init__(self, test: "FullDisk", name: str, size: int, endpoint: Optional[str] = None,
                 source: Optional["Gate"] = None) -> None:
        super().__init__(daemon=True)
        self.name_sent, self.data = name, os.urandom(size)
        self.end: object = None
        self._source = source.over(self.data) if source else io.BytesIO(self.data)
        self._client = test.sender.original(Habits(receive_timeout=2.0), endpoint)
        self.approved = self._client.approved
        self.start()

    def run(self) -> None:
        try:
            self.end = self._client.upload(self._source, self.name_sent)
        except Exception as failed:  # its kind is what the test looks at
            self.end = failed
        finally:
            self._client.close()


class FullDisk(ServerTest):
    LEDGER_ELSEWHERE = False
    PATIENCE: Optional[float] = None  # s until somebody must make room; 30 usually

    def setUp(self) -> None:
        if self.PATIENCE:
            os.environ["DYNC_TEST_ROOM_PATIENCE"] = str(int(self.PATIENCE * 1000))
            self.addCleanup(os.environ.pop, "DYNC_TEST_ROOM_PATIENCE")
        self.outside = Path(tempfile.mkdtemp(prefix="dync-lab-", dir=os.environ.get("DYNC_TEST_DIR")))
        self.addCleanup(shutil.rmtree, self.outside)
        self.disk = SmallDisk()
        self.addCleanup(self.disk.close)
        super().setUp()
        self.pids = self.processes()
        self.addCleanup(self.assert_nobody_ended)

    def make_server(self, boxes: list[Dropbox]) -> Server:
        server = Server(self.EXTRA, boxes, parent=self.disk.path, labs=self.outside)
        if self.LEDGER_ELSEWHERE:
            server.layout.store.rmdir()
            (self.outside / "store").mkdir()
            server.layout.store.symlink_to(self.outside / "store")
        return server

    def processes(self) -> dict[str, list[int]]:
        return {name: self.server.workers(name) for name in WORKERS}

    def assert_nobody_ended(self) -> None:
        """Runs before the server is stopped: 0 exits."""
        self.assertTrue(processes.alive(self.server.pid))
        self.assertEqual(self.processes(), self.pids, "a worker has ended")

    # ---- senders ----

    def originals(self, sizes: dict[str, int]) -> list[Original]:
        return [Original(self, name, size) for name, size in sizes.items()]

    def join(self, originals: list[Original], seconds: float = 60) -> None:
        for original in originals:
            original.join(seconds)
            self.assertIsNotNone(original.end, f"{original.name_sent} has not ended\n{self.server.log()[-2000:]}")

    def assert_all_stored(self, originals: list[Original], taken: Optional[dict[str, str]] = None) -> None:
        for original in originals:
            self.assertIsInstance(original.end, str, f"{original.name_sent}: {original.end!r}")
            if taken is None:
                source = self.lab / f"source-{original.name_sent}"
                source.write_bytes(original.data)
                self.assert_stored(source, "any", original.name_sent)

    def waiting(self, process: "subprocess.Popen[str]", errors: Path) -> Callable[[], bool]:
        return lambda: "waiting for the server's capacity" in errors.read_text() and process.poll() is None

    def slow_proxy(self) -> Proxy:
        proxy = Proxy(("127.0.0.1", self.server.port))
        self.addCleanup(proxy.close)
        proxy.slow(MIB)
        return proxy

    def half_way(self) -> int:
        """Uploads of which something is on the disk."""
        return sum(1 for size in store.staged_sizes(self.server.layout.staging) if size)

    def start_with_progress(self, source: Path, port: int) -> "tuple[subprocess.Popen[str], Path]":
        errors = self.lab / f"errors-{time.monotonic_ns()}"
        with open(errors, "w") as file:
            process = subprocess.Popen(self.sender.command("--progress=always", source, port=port),
                                       env={**os.environ, "HOME": str(self.lab)}, text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, errors

    def await_end(self, process: "subprocess.Popen[str]", errors: Path, seconds: float = 60) -> None:
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.fail(f"{errors.read_text()[-1000:]}\n{self.server.log()[-2000:]}")
        self.assertEqual(code, 0, errors.read_text()[-1000:])


class TestFullDisk(FullDisk):
    def test_uploads_that_fit_together_all_finish(self) -> None:
        files = [self.file(f"ours{i}.bin", 2 * MIB) for i in range(10)]
        originals = self.originals({f"theirs{i}.bin": 3 * MIB // 2 for i in range(10)})
        senders = [self.sender.start(file) for file in files]
        for sender in senders:
            self.assert_sent(self.finish(sender, 60))
        self.join(originals)
        for file in files:
            self.assert_stored(file, "any")
        self.assert_all_stored(originals)

    def test_streams_that_fit_only_one_after_another_all_finish(self) -> None:
        """20 of 6 MiB on 58 MiB: the consumer takes away what is finished."""
        taken: dict[str, str] = {}
        ended = threading.Event()

        def consume() -> None:
            box = self.server.dropbox("any")
            while not ended.wait(0.02):
                for marker in box.glob(store.MARKER + "*"):
                    name = marker.name.removeprefix(store.MARKER)
                    taken[name] = store.sha256(box / name / name)
                    marker.unlink()
                    shutil.rmtree(box / name)

        consumer = threading.Thread(target=consume)
        consumer.start()
        self.addCleanup(consumer.join)
        self.addCleanup(ended.set)
        started = time.monotonic()
        originals = self.originals({f"s{i}.bin": 6 * MIB for i in range(20)})
        self.join(originals, 120)
        say(f"20 streams of 6 MiB one after another: {time.monotonic() - started:.1f} s")
        self.assert_all_stored(originals, taken)
        wait_until(lambda: len(taken) == 20, 20, "all are taken away")
        ended.set()
        consumer.join()
        self.consumed = set(taken)

    def test_a_stranger_who_fills_the_disk_only_pauses_uploads(self) -> None:
        before = self.sender.peer()
        self.addCleanup(before.close)
        done = Upload("done.bin", os.urandom(1000))
        receipt = before.upload(done)
        sources = [self.file(f"f{i}.bin", 6 * MIB) for i in range(3)]
        proxy = self.slow_proxy()
        running = [self.start_with_progress(source, port=port_of(proxy.endpoint)) for source in sources]
        originals = [Original(self, "theirs.bin", 6 * MIB, proxy.endpoint)]
        wait_until(lambda: self.half_way() >= 4, 30, "all are on their way")
        self.disk.fill()
        proxy.slow(None)
        for process, errors in running:
            wait_until(self.waiting(process, errors), 30, "the client says that it waits")
        self.assertIsNone(originals[0].end)
        self.refused_while_full(before, done, receipt.upload_id)
        self.assertEqual(self.processes(), self.pids, "a worker has ended")
        for process, errors in running:
            self.assertIsNone(process.poll(), errors.read_text()[-1000:])

        self.disk.empty()
        promise("all uploads have ended after there is room again", GOES_ON,
                lambda: all(process.poll() is not None for process, _ in running) and originals[0].end)
        for process, errors in running:
            self.await_end(process, errors)
        self.join(originals)
        for source in sources:
            self.assert_stored(source, "any")
        self.assert_all_stored(originals)
        self.assertRegex(self.server.log(), r"room\.short .*free=\d+")

    def refused_while_full(self, peer: DyncClient, done: Upload, upload_id: str) -> None:
        """New ones hear 507, each with its row in the ledger; a finished one gets its receipt all the same."""
        for number in range(200):
            with self.assertRaises(Refused) as refused:
                peer.post(Upload(f"new{number}.bin", bytes(5000)))
            self.assertEqual(refused.exception.code, 507)
        events = [event for event in self.server.ledger.all_events() if event["event"] == "refused"]
        self.assertEqual(len(events), 200)
        self.assertEqual(peer.upload(done).upload_id, upload_id)

    def test_what_cannot_fit_is_told_at_once_and_in_numbers(self) -> None:
        large = self.lab / "large.bin"
        with open(large, "wb") as file:
            file.truncate(100 * MIB)
        started = time.monotonic()
        refused = self.sender.send(large)
        say(f"507 after {time.monotonic() - started:.2f} s (promised 2 s)")
        self.assertLess(time.monotonic() - started, 2 * PATIENCE)
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"the server has \d+ bytes \(\d+\.\d MiB\) free in \S+ for this upload, "
                                         r"which needs 104857600 bytes \(100\.0 MiB\); send it again when")
        with self.assertRaises(Refused) as asked, self.sender.peer() as peer:
            peer.post(Upload("large.bin", bytes(100 * MIB)), check=True)
        self.assertEqual(asked.exception.code, 507)
        self.assertEqual(os.listdir(self.server.layout.staging), [])

        self.disk.fill(leave=7 * MIB // 2)  # what is kept back, and less than a chunk more
        with self.assertRaises(Refused) as stream:
            with self.sender.peer() as peer:
                peer.post(Upload("stream.bin", b"x", stream=True))
        self.assertEqual(stream.exception.code, 507)
        self.disk.empty()
        self.assert_sent(self.sender.send(self.file("small.bin", 5000)))

    def test_room_is_promised_once(self) -> None:
        """Two of 40 MiB: the second is refused while the first has sent nothing yet, and admitted when it has gone."""
        with self.sender.peer() as first, self.sender.peer() as second:
            one, two = (Upload(name, bytes(40 * MIB)) for name in ("one.bin", "two.bin"))
            first.open(one)
            with self.assertRaises(Refused) as refused:
                second.open(two)
            self.assertEqual(refused.exception.code, 507)
            first.say(original_client.wire.error(400, "given up"))
            wait_until(lambda: self.server.ledger.uploads("aborted"), 20, "the first has gone")
            second.open(two)
            second.say(original_client.wire.error(400, "given up"))
            wait_until(lambda: len(self.server.ledger.uploads("aborted")) == 2, 20, "the second has gone")


class TestNoRoomForAll(FullDisk):
    PATIENCE = 2.0

    def test_streams_that_wait_for_each_other_end_with_one_that_finishes(self) -> None:
        """Three of 45 MiB on 58: each younger one gives way in its turn."""
        gate = Gate(MIB)
        self.addCleanup(gate.move, math.inf)
        uploads = []
        for name in ("oldest.bin", "younger1.bin", "younger2.bin"):
            uploads.append(Original(self, name, 45 * MIB, source=gate))
            wait_until(lambda: self.half_way() == len(uploads), 30, f"{name} is on its way")
        oldest, younger = uploads[0], uploads[1:]
        gate.move(22 * MIB)
        wait_until(lambda: "room.short" in self.server.log(), 30, "room is short")
        gate.move(math.inf)
        started = time.monotonic()
        wait_until(lambda: any(original.end is not None for original in younger), 60, "one gives way")
        self.join([oldest])
        say(f"three streams that don't fit: the oldest has finished after {time.monotonic() - started:.1f} s")
        self.assert_all_stored([oldest])
        self.join(younger)
        for original in younger:
            end = original.end
            self.assertIsInstance(end, original_client.Refused, repr(end))
            self.assertEqual(end.code, 507)  # type: ignore[attr-defined]
            self.assertIn("ended so that older ones can finish", str(end))
        self.assertEqual([row["error_code"] for row in self.server.ledger.uploads("failed")], [507, 507])

    def test_partials_that_wait_for_their_client_make_room_first(self) -> None:
        partial = Upload("partial.bin", os.urandom(22 * MIB))
        with self.sender.peer() as gone:
            transfer = gone.open(partial)
            gone.send_until(transfer, 20 * MIB)
        wait_until(lambda: self.row("partial.bin")["state"] == "receiving" and
                   any(event["event"] == "parked" for event in self.server.ledger.all_events()), 100, "it is parked")
        stream = Original(self, "stream.bin", 45 * MIB)
        self.join([stream])
        self.assert_all_stored([stream])
        row = self.row("partial.bin")
        self.assertEqual(row["state"], "expired")
        self.assertIn("the disk is full, and uploads under way needed its room", row["error"])

    def row(self, name: str) -> dict[str, object]:
        return next(dict(row) for row in self.server.ledger.uploads() if row["filename"] == name)


class TestLedgerElsewhere(FullDisk):
    LEDGER_ELSEWHERE = True

    def test_uploads_pause_and_go_on(self) -> None:
        source = self.file("f.bin", 6 * MIB)
        proxy = self.slow_proxy()
        process, errors = self.start_with_progress(source, port=port_of(proxy.endpoint))
        wait_until(lambda: self.half_way() >= 1, 30, "it is on its way")
        self.disk.fill()
        proxy.slow(None)
        wait_until(self.waiting(process, errors), 30, "the client says that it waits")
        self.disk.empty()
        self.await_end(process, errors)
        self.assert_stored(source, "any")


if __name__ == "__main__":
    main()
