"""Power cuts at seeded moments under load: what was acknowledged is there, nothing is half visible, nothing twice, and
ledger and disk agree when the server is back. DYNC_TEST_CUTS and DYNC_TEST_SEED choose others."""
from __future__ import annotations

import hashlib
import os
import random
import subprocess
import threading
import time
from pathlib import Path
from typing import Optional

from tests.e2e import archives, store
from tests.e2e.harness import main
from tests.e2e.power_case import LOST, SEED, PowerCase, Slow
from tests.e2e.timing import say
from tests.peer.original_client import GaveUp, Habits, OriginalClient, Refused

CUTS = int(os.environ.get("DYNC_TEST_CUTS") or 12)
CLIENTS = 4
LOAD = 0.8  # seconds before a cut, at most
CONVERGED = 100.0  # all clients are through, after the last one


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


class CutsTest(PowerCase):
    EXPECTED_ERRORS = ("",)

    def prepare(self) -> None:
        say(f"seed {SEED}, {CUTS} cuts")
        super().prepare()
        self.lock, self.stopping = threading.Lock(), threading.Event()

    def test_cuts(self) -> None:
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
