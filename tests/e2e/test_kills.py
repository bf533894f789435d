"""Random processes are killed again and again while uploads of both kinds run: nothing lost, nothing twice, nothing half
visible, and ready again within 10 s each time. DYNC_TEST_SECONDS: for how long; DYNC_TEST_KILLS: instead, how many;
DYNC_TEST_SEED repeats a run's choices."""
from __future__ import annotations

import collections
import contextlib
import hashlib
import io
import os
import random
import re
import secrets
import signal
import subprocess
import threading
import time

from tests.e2e import archives, store
from tests.e2e.config import Dropbox
from tests.e2e.crash_matrix import seed
from tests.e2e.flights import MIB
from tests.e2e.harness import START, ServerTest, main
from tests.e2e.snatcher import Patient, Snatcher, Watcher
from tests.e2e.timing import PATIENCE, say, scaled, wait_until
from tests.peer import wire
from tests.peer.dync_client import Upload
from tests.peer.original_client import GaveUp, Habits

KILLS = int(os.environ.get("DYNC_TEST_KILLS") or "0")
SECONDS = float(os.environ.get("DYNC_TEST_SECONDS") or scaled(120, 20))
LARGEST = scaled(64 * MIB, MIB)
GAP = 1.0  # seconds from ready to the next kill, on the average
WORKERS = ("dync-receiver", "dync-hasher", "dync-committer")
TARGETS = (*WORKERS, "dync-untar", "dync-untar", "dync-server", "everything")
INTERRUPTED = 0.15  # of the runs of dync are killed, and started again
LAST = 120.0  # for an upload that runs when the killing ends
CLIENTS = 5

# Errors that the contract allows its clients here, by the words that tell them.
ALLOWED = {
    "unreachable at first": re.compile(r"cannot reach .* port|answers, but not as the dync server|[Cc]onnection refused"),
    "an archive whose dync-untar was killed three times": re.compile(r"the archive could not be unpacked"),
    "an original whose post-file got lost": re.compile(r"no answer to post-file"),
    # The supervisor was killed: its workers end cleanly and say so to whom is new. `dync` asks again.
    "an original whose post-file met a server that ended": re.compile(r"503: the server is stopping"),
}


class Tally:
    """What all senders know together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.stored: dict[str, tuple[str, dict[str, str]]] = {}  # name to item and files: was acknowledged
        self.bytes = 0
        self.kinds: collections.Counter[str] = collections.Counter()
        self.forbidden: list[str] = []
        self.interrupted = 0

    def acknowledged(self, kind: str, name: str, item: str, files: dict[str, str], size: int) -> None:
        with self._lock:
            self.stored[name] = item, files
            self.bytes += size
            self.kinds[kind] += 1

    def failed(self, kind: str, name: str, words: str) -> None:
        with self._lock:
            allowed = [reason for reason, pattern in ALLOWED.items() if pattern.search(words)]
            self.kinds[f"failed: {allowed[0]}" if allowed else f"failed, {kind}"] += 1
            if not allowed:
                self.forbidden.append(f"{kind} {name}: {words}")


class Load(threading.Thread):
    """One lab: sends one file after another until it is told to end."""

    def __init__(self, test: "KillsTest", kind: str, number: int, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self._test, self._kind, self._ended = test, kind, ended
        self._rng = random.Random(f"{test.seed} {number}")
        self._prefix = f"{kind}_{number}"
        self._count = 0

    def run(self) -> None:
        while not self._ended.is_set():
            self._count += 1
            box = self._rng.choice(("", "snatched_", "taken_"))
            name = f"{box}{self._prefix}_{self._count}" + (".tar" if self._kind == "archive" else ".bin")
            size = int(LARGEST ** self._rng.random())
            getattr(self, f"_{self._kind}")(name, self._rng.randbytes(size))

    def _ours(self, name: str, data: bytes) -> None:
        self._command(name, name, {name: hashlib.sha256(data).hexdigest()}, data)

    def _archive(self, name: str, data: bytes) -> None:
        top = f"top_{secrets.token_hex(6)}"
        content = {"a.bin": data, "b.bin": data[:1000]}
        files = {member: hashlib.sha256(each).hexdigest() for member, each in content.items()}
        packed = archives.tar(f"{top}/", *((f"{top}/{member}", each) for member, each in content.items()))
        self._command(name, top, files, packed, "-kuntar:True")

    def _original(self, name: str, data: bytes) -> None:
        client = self._test.sender.original(Habits(receive_timeout=1.0, approval_timeout=15.0))
        try:
            client.upload(io.BytesIO(data), name)
            self._test.tally.acknowledged("original", name, name, {name: hashlib.sha256(data).hexdigest()}, len(data))
        except Exception as problem:
            trace = "" if isinstance(problem, GaveUp) else f" after {list(client.trace)[-10:]}"
            self._test.tally.failed("original", name, f"{problem!r}{trace}")
        finally:
            client.close()

    def _command(self, name: str, item: str, files: dict[str, str], data: bytes, *options: str) -> None:
        path = self._test.lab / name
        path.write_bytes(data)
        command = self._test.sender.command(*options, path)
        while True:
            client = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True, env={**os.environ, "HOME": str(self._test.lab)})
            killed = self._rng.random() < INTERRUPTED
            try:
                told, words = client.communicate(timeout=self._rng.uniform(0, 0.7) if killed else LAST)
            except subprocess.TimeoutExpired:
                client.kill()
                told, words = client.communicate()
                if killed:
                    self._test.tally.interrupted += 1
                if killed and not told:
                    continue  # whoever's dync died without a receipt starts it again
            break
        path.unlink()
        if client.returncode == 0 or told:
            self._test.tally.acknowledged(self._kind, name, item, files, len(data))
        else:
            self._test.tally.failed(self._kind, name, f"exit {client.returncode}: {words}")


class KillsTest(ServerTest):
    DROPBOXES = (Dropbox("snatched", r"snatched.*"), Dropbox("taken", r"taken.*"))
    # A new hasher may be told of an upload that is published already: there is nothing to read, and nobody waits for it.
    EXPECTED_ERRORS = (r"upload\.unreadable", r"worker\.(died|failed_to_start|silent)", r"upload\.held_back", r"killed by signal|signal 9")

    def prepare(self) -> None:
        self.seed = seed()
        self.rng = random.Random(self.seed)
        self.tally = Tally()
        box = self.server.dropbox
        self.watchers: list[Watcher] = [
            Watcher(box("any")), Watcher(box("tar")),
            Snatcher(box("snatched"), self.server.home / "consumed1", keep=False),
            Patient(box("taken"), self.server.home / "consumed2", keep=False)]
        for watcher in self.watchers:
            watcher.start()
            self.addCleanup(watcher.stop)
        self.longest: dict[str, float] = {}
        self.kills: collections.Counter[str] = collections.Counter()

    # ---- the killing ----

    def kill_one(self) -> None:
        target = self.rng.choice(TARGETS)
        if target == "dync-untar" and not self.untar_runs():
            target = self.rng.choice(WORKERS)
        started = time.monotonic()
        if target == "everything":
            self.server.kill_everything()
            self.server.start()
        elif target == "dync-server":
            self.server.kill()
            self.server.start()
        else:
            for pid in self.server.workers(target):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        wait_until(self.serves, START * PATIENCE, f"it serves again after the death of {target}")
        self.kills[target] += 1
        self.longest[target] = max(self.longest.get(target, 0.0), time.monotonic() - started)

    def untar_runs(self) -> bool:
        """It lives for some milliseconds; one comes soon."""
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            if self.server.workers("dync-untar"):
                return True
            time.sleep(0.001)
        return False

    def serves(self) -> bool:
        """A new connection is let in, and rules are applied to what it asks."""
        if any(not self.server.workers(name) for name in WORKERS):
            return False
        with self.sender.peer() as peer:
            peer.send(Upload("asked.bin", b"").post(check=True))
            return isinstance(peer.receive(1.0), wire.UploadApproved)

    def goes_on(self, began: float) -> bool:
        if KILLS:
            return sum(self.kills.values()) < KILLS
        return time.monotonic() - began < SECONDS

    def test_random_kills(self) -> None:
        ended = threading.Event()
        kinds = ["ours", "original", "archive", "ours", "original"][:CLIENTS]
        loads = [Load(self, kind, number, ended) for number, kind in enumerate(kinds)]
        for load in loads:
            load.start()
        began = time.monotonic()
        try:
            while self.goes_on(began):
                time.sleep(self.rng.expovariate(1 / GAP))
                self.kill_one()
        finally:
            ended.set()
            for load in loads:
                load.join(LAST)
        took = time.monotonic() - began
        self.assertFalse(any(load.is_alive() for load in loads), f"a client still waits\n{self.server.log()[-4000:]}")
        for watcher in self.watchers:
            watcher.end()
        self.report(took)
        self.assertEqual(self.tally.forbidden, [], self.server.log()[-4000:])
        self.check()
        slowest = max(self.longest.values())
        self.assertLess(slowest, START * PATIENCE)

    # ---- afterwards ----

    def report(self, took: float) -> None:
        say(f"{sum(self.kills.values())} kills in {took:.0f} s: {dict(self.kills)}; dync itself {self.tally.interrupted}")
        say(f"{len(self.tally.stored)} uploads stored, {self.tally.bytes / MIB:.0f} MiB: {dict(self.tally.kinds)}")
        for target, seconds in sorted(self.longest.items()):
            say(f"ready again after {target}: at most {seconds:.2f} s (promised {START:g} s)")

    def check(self) -> None:
        for watcher in self.watchers:
            self.assertEqual(watcher.violations, [])
        say(f"the watchers looked {sum(watcher.looks for watcher in self.watchers)} times")
        seen = {item: files for watcher in self.watchers for item, files in watcher.items.items()}
        committed = collections.Counter(row["filename"] for row in self.server.ledger.uploads("committed"))
        twice = {name: count for name, count in committed.items() if count > 1}
        self.assertEqual(twice, {}, "stored twice")
        lost = [name for name, (item, _) in self.tally.stored.items() if name not in committed or item not in seen]
        self.assertEqual(lost, [], "acknowledged, and not stored")
        for name, (item, files) in self.tally.stored.items():
            found = seen[item]
            if name == item:
                self.assertEqual(len(found), 5, f"{name} was visible without all its files: {sorted(found)}")
                found = {name: found[name]}
            self.assertEqual(found, files, name)

    def _check(self) -> None:
        ledger, staging = self.server.ledger, self.server.layout.staging
        try:
            wait_until(lambda: not store.rests(ledger, staging), START * PATIENCE, "staging is cleaned up")
        except AssertionError:
            for rest in sorted(store.rests(ledger, staging)):
                holds = sorted(str(path.relative_to(staging)) for path in (staging / rest).rglob("*"))
                rows = ledger.query("SELECT * FROM uploads NATURAL JOIN sessions WHERE upload_id = ?", rest)
                say(f"left in staging: {rest}, holds {holds}, {rows}, {ledger.events(rest)}")
            raise
        self.consumed.update(item for watcher in self.watchers[2:] for item in watcher.items)
        super()._check()


if __name__ == "__main__":
    main()
