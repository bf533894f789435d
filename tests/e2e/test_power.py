"""Power cuts at seeded moments under load: what was acknowledged is there, nothing is half visible, nothing twice, and
ledger and disk agree when the server is back. DYNC_TEST_CUTS and DYNC_TEST_SEED choose others."""
from __future__ import annotations

import hashlib
import io
import os
import random
import subprocess
import threading
import time
from pathlib import Path
from typing import Optional

from tests.e2e import archives, store
from tests.e2e.fault import Faults
from tests.e2e.harness import ServerTest, main
from tests.e2e.power import Disk
from tests.e2e.timing import say, wait_until
from tests.peer.dync_client import Upload
from tests.peer.original_client import GaveUp, Habits, OriginalClient, Refused

MIB = 1024 * 1024
CUTS = int(os.environ.get("DYNC_TEST_CUTS") or 12)
SEED = int(os.environ.get("DYNC_TEST_SEED") or random.SystemRandom().randrange(10**6))
LOST = "the server lost data"
CLIENTS = 4
LOAD = 0.8  # seconds before a cut, at most
CONVERGED = 100.0  # all clients are through, after the last one


class Slow(io.BytesIO):
    """A source that pauses, so that a cut comes in its middle."""

    pause = 0.0

    def read(self, size: Optional[int] = -1) -> bytes:
        time.sleep(self.pause)
        return super().read(size)


class Client(threading.Thread):
    """One upload after the other, with both kinds of client, until it is told to stop. `acknowledged`: name of the
    item to its checksum, or its tree."""

    def __init__(self, test: "CutsTest", number: int) -> None:
        super().__init__(daemon=True)
        self.test, self.number = test, number
        self.rng = random.Random(SEED * 100 + number)
        self.acknowledged: dict[str, str] = {}
        self.counts = {"dync": 0, "original": 0, "archive": 0, "lost": 0, "unheard": 0}
        self.problems: list[str] = []
        self.process: Optional["subprocess.Popen[str]"] = None

    def run(self) -> None:
        count = 0
        while not self.test.stopping.is_set():
            count += 1
            data = self.rng.randbytes(int(2 ** self.rng.uniform(0, 23)))
            kind = self.rng.choice(("dync", "dync", "original", "archive"))
            try:
                getattr(self, kind)(f"c{self.number}n{count}", data)
            except Exception as problem:  # the test tells it
                self.problems.append(f"{kind} {self.number}/{count}: {type(problem).__name__} {problem}")

    def dync(self, tag: str, data: bytes) -> None:
        path = self.test.lab / f"{tag}.bin"
        path.write_bytes(data)
        self.run_dync(path)
        self.done("dync", path.name, hashlib.sha256(data).hexdigest())
        path.unlink()

    def archive(self, tag: str, data: bytes) -> None:
        path = self.test.lab / f"{tag}.tar"
        path.write_bytes(archives.tar(f"{tag}/", (f"{tag}/a", data), (f"{tag}/b", b"b")))
        self.run_dync(path, "-kuntar:True")
        self.done("archive", tag, str({"a": hashlib.sha256(data).hexdigest(), "b": hashlib.sha256(b"b").hexdigest()}))
        path.unlink()

    def run_dync(self, *words: object) -> None:
        while True:
            self.process = self.test.sender.start(*words)  # type: ignore[arg-type]
            out, err = self.process.communicate(timeout=300)
            if self.process.returncode == 0:
                return
            if f"port {self.test.server.port}" not in err:  # it began when the server was down, for longer than it waits
                raise RuntimeError(f"exit {self.process.returncode}: {out} {err}")

    def original(self, tag: str, data: bytes) -> None:
        source = Slow(data)
        source.pause = self.rng.choice((0.0, 0.03))
        client = self.test.sender.original(Habits(receive_timeout=1.0, approval_timeout=5.0))
        try:
            client.upload(source, f"{tag}.raw")
            self.done("original", f"{tag}.raw", hashlib.sha256(data).hexdigest())
        except Refused as refused:
            if refused.code != 500 or LOST not in refused.message:
                raise
            self.counts["lost"] += 1
        except GaveUp:
            if client.approved.is_set():
                raise
            self.counts["unheard"] += 1  # its post-file was lost, and it sends that only once
        finally:
            client.close()

    def done(self, kind: str, item: str, content: str) -> None:
        self.counts[kind] += 1
        with self.test.lock:
            self.acknowledged[item] = content


class PowerCase(ServerTest):
    """A server on a disk that forgets what was not synced."""

    CHECKPOINT = MIB

    def prepare(self) -> None:
        self.rng = random.Random(SEED)
        self.boot = 0
        self.faults = Faults(self.server.home)
        self.addCleanup(self.faults.remove)
        layout = self.server.layout
        boxes = [self.server.dropbox(box.name) for box in layout.dropboxes]
        self.boxes = boxes
        self.disk = Disk(self.faults, [layout.staging, layout.store, *boxes])
        runtime = self.server.home / "run"  # it outlives the file that names it
        runtime.mkdir()
        self.server.environment.update(self.faults.environment, RUNTIME_DIRECTORY=str(runtime),
                                       DYNC_TEST_BOOT_ID="boot-0", DYNC_TEST_CHECKPOINT=str(self.CHECKPOINT))
        self.disk.record()

    def power_cut(self, journal: Optional[bool] = False) -> str:
        """Everything is dead and only what was durable is left; how that was chosen."""
        self.disk.freeze()
        self.server.kill_everything()
        return self.disk.restore(self.rng, journal)

    def power_on(self) -> None:
        self.boot += 1
        self.server.environment["DYNC_TEST_BOOT_ID"] = f"boot-{self.boot}"
        self.disk.record()
        self.server.start()


class DurableTest(PowerCase):
    """Cuts at chosen moments, and not a byte or name more than what was synced is left."""

    CHECKPOINT = 1024 * MIB

    def test_right_after_the_receipt(self) -> None:
        """File and archive, small and large, are there with all that belongs to them, and in the ledger."""
        files = [self.file(f"{name}.bin", size) for name, size in (("small", 1), ("large", 3 * MIB + 5))]
        archive = self.lab / "sent.tar"
        archive.write_bytes(archives.tar("top/", ("top/a", b"alpha"), "top/below/", ("top/below/b", bytes(70000))))
        self.assert_sent(self.sender.send(*files))
        self.assert_sent(self.sender.send(archive, "-kuntar:True"))
        client = self.sender.original()
        client.upload(io.BytesIO(b"by an original"), "original.raw")
        client.close()
        self.power_cut()
        self.power_on()
        for file in files:
            self.assert_stored(file, "any")
        self.assertEqual((self.server.dropbox("any") / "original.raw" / "original.raw").read_bytes(), b"by an original")
        self.assertEqual(set(store.tree(self.server.dropbox("tar") / "top")), {"a", "below", "below/b"})
        self.assertEqual(len(self.server.ledger.uploads("committed")), 4)  # and the check after the test looks at each

    def test_what_waits_for_its_client_goes_on(self) -> None:
        upload = Upload("waits.bin", self.rng.randbytes(5 * MIB))
        with self.sender.peer() as first, self.sender.peer() as second:
            first.send_until(first.open(upload), 3 * MIB)
            self.assertEqual(second.open(upload).position, 3 * MIB, "taken over, so it was parked and synced")
            self.power_cut()
        self.power_on()
        with self.sender.peer() as third:
            transfer = third.open(upload)
            self.assertEqual(transfer.position, 3 * MIB)
            third.finish(transfer)
        item = self.server.dropbox("any") / "waits.bin"
        self.assertEqual((item / "waits.bin").read_bytes(), upload.data)

    def test_an_original_out_of_reach(self) -> None:
        """It keeps 100 chunks of 256 KiB, and the server has nothing that was synced."""
        self.server.keep_port()
        source = Slow(self.rng.randbytes(48 * MIB))
        client = self.sender.original(Habits(receive_timeout=1.0))
        ended: list[object] = []

        def upload() -> None:
            try:
                ended.append(client.upload(source, "far.raw"))
            except Exception as problem:  # the test tells it
                ended.append(problem)

        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        wait_until(lambda: source.tell() > 40 * MIB, 60, "more than it keeps is sent")
        source.pause = 0.5
        self.power_cut()
        self.power_on()
        source.pause = 0.0
        thread.join(100)
        client.close()
        (end,) = ended
        self.assertIsInstance(end, Refused, f"{end!r}\n{self.server.log()[-3000:]}")
        self.assertIn(LOST, str(end))
        self.assertEqual(list(self.server.dropbox("any").iterdir()), [])


class CutsTest(PowerCase):
    EXPECTED_ERRORS = ("",)

    def prepare(self) -> None:
        say(f"seed {SEED}, {CUTS} cuts")
        super().prepare()
        self.lock, self.stopping = threading.Lock(), threading.Event()

    def test_cuts(self) -> None:
        self.server.keep_port()
        self.clients = [Client(self, number) for number in range(CLIENTS)]
        for client in self.clients:
            client.start()
        try:
            for number in range(1, CUTS + 1):
                time.sleep(self.rng.uniform(0, LOAD))
                self.cut(number)
        finally:
            self.stopping.set()
            self.join()
        problems = [problem for client in self.clients for problem in client.problems]
        self.assertEqual(problems, [], self.server.log()[-3000:])
        total = {kind: sum(client.counts[kind] for client in self.clients) for kind in self.clients[0].counts}
        say(f"{CUTS} cuts: {total}; {len(self.consumed)} were consumed meanwhile")
        self.faults.set("power", 0)
        self.check_acknowledged(self.acknowledged(), "at the end")
        self.check_once()

    def join(self) -> None:
        end = time.monotonic() + CONVERGED
        for client in self.clients:
            client.join(max(0.0, end - time.monotonic()))
        stuck = [client for client in self.clients if client.is_alive()]
        for client in stuck:
            if client.process is not None:
                client.process.kill()
        self.assertEqual([client.number for client in stuck], [], f"not all got through\n{self.server.log()[-6000:]}")

    def acknowledged(self) -> dict[str, str]:
        with self.lock:
            return {item: content for client in self.clients for item, content in client.acknowledged.items()}

    def cut(self, number: int) -> None:
        self.disk.freeze()
        acknowledged = self.acknowledged()
        how = self.power_cut(journal=None)
        what = f"after cut {number} of seed {SEED} ({how})"
        self.check_whole(what)
        self.check_acknowledged(acknowledged, what)
        self.consume()
        self.power_on()

    # ---- what has to be true of the disk at any time ----

    def content_of(self, item: Path) -> str:
        if (item / f"{item.name}.sha256sum").exists():
            return store.sha256(item / item.name)
        return str(store.tree(item))

    def check_whole(self, what: str) -> None:
        """All that is visible is complete, marked or not yet."""
        for box in self.boxes:
            names = {path.name for path in box.iterdir()}
            for name in names:
                if name.startswith(store.MARKER):
                    self.assertIn(name.removeprefix(store.MARKER), names, f"{box}: a marker without its item {what}")
                elif (box / name / f"{name}.sha256sum").exists():
                    told = (box / name / f"{name}.sha256sum").read_text().split("\t")[0]
                    self.assertEqual(self.content_of(box / name), told, f"{box / name} {what}")
                    self.assertEqual(len(list((box / name).iterdir())), 5, f"{box / name} {what}")
                else:
                    self.assertEqual({p.name for p in (box / name).iterdir()}, {"a", "b"}, f"{box / name} {what}")

    def check_acknowledged(self, acknowledged: dict[str, str], what: str) -> None:
        for name, content in acknowledged.items():
            if name in self.consumed:
                continue
            found = [box / name for box in self.boxes if (box / name).exists()]
            self.assertEqual(len(found), 1, f"{name} was acknowledged; {what} it is in {found}")
            self.assertEqual(self.content_of(found[0]), content, f"{name} {what}")
            self.assertTrue(store.marker_of(found[0]).exists(), f"{name} has no marker {what}")

    def check_once(self) -> None:
        for name in self.acknowledged():
            rows = [row for row in self.server.ledger.uploads("committed") if row["clean_name"] == name]
            self.assertEqual(len(rows), 1, f"{name}: {rows}")

    def consume(self) -> None:
        """What is marked is taken away, for good."""
        for box in self.boxes:
            for marker in box.glob(f"{store.MARKER}*"):
                name = marker.name.removeprefix(store.MARKER)
                self.assertNotIn(name, self.consumed, f"{name} was published twice")
                for path in sorted((box / name).rglob("*"), reverse=True):
                    path.rmdir() if path.is_dir() else path.unlink()
                (box / name).rmdir()
                marker.unlink()
                self.consumed.add(name)


if __name__ == "__main__":
    main()
