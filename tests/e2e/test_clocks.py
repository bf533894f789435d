"""The wall clock jumps by a day, forth and back, while everything that waits or runs is there: nothing is dropped and
nothing expires, because all timers are steady. Records tell the wall clock as it is."""
from __future__ import annotations

import os
import random
import re
import subprocess
import threading
from datetime import datetime, timedelta, timezone

from tests.e2e.fault import Faults
from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import PATIENCE, promise, wait_until
from tests.peer.dync_client import Upload
from tests.peer.original_client import Habits
from tests.peer.proxy import Proxy

MIB = 1024 * 1024
DAY = 86400.0
SIZE = 64 * MIB
EFFECT = 2.0  # promised: a listed key gets in
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SLACK = timedelta(seconds=100)
TTL = 120  # seconds; parked uploads are looked at each tenth of it


def wall_clock(text: str) -> datetime:
    assert RFC3339.fullmatch(text), text
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class ClocksTest(ServerTest):
    EXTRA = f"limits: {{partial_ttl: {TTL}, idle_timeout: 600}}\n"

    def prepare(self) -> None:
        self.faults = Faults(self.server.home)
        self.addCleanup(self.faults.remove)
        self.server.environment.update(self.faults.environment)

    def test_jumps(self) -> None:
        rng = random.Random(7)
        parked, idle = Upload("parked.bin", rng.randbytes(8 * MIB)), Upload("idle.bin", rng.randbytes(MIB))
        pids = self.pids()
        self.park(parked)
        with self.sender.peer() as silent, Proxy(("127.0.0.1", self.server.port)) as proxy:
            going_on = silent.open(idle)
            silent.send_until(going_on, MIB // 2)
            proxy.slow(2 * MIB)
            ours = self.dync(proxy)
            original = self.original(proxy)
            for days in (1, -1, 0):
                before = proxy.counters.up
                self.faults.shift_clock(days * DAY)
                self.while_it_is(days)
                if days > 0:
                    waited = self.waited()
                    wait_until(lambda: self.waited() > waited, TTL / 10 * PATIENCE, "who is parked is looked at")
                wait_until(lambda: proxy.counters.up > before + 4 * MIB, 100, "both clients go on")
            proxy.slow(None)
            self.assert_sent(self.finish(ours))
            original.join(100)
            silent.finish(going_on)
        with self.sender.peer() as second:
            transfer = second.open(parked)
            self.assertGreater(transfer.position, 0, "the partial has waited")
            second.finish(transfer)
        self.assertEqual({row["state"] for row in self.server.ledger.uploads()}, {"committed"})
        self.assertEqual(len(self.server.ledger.uploads()), 7)
        self.assertEqual(self.pids(), pids, "nobody was restarted")
        events = {row["event"] for row in self.server.ledger.all_events()}
        self.assertFalse(events & {"expired", "aborted", "failed"}, events)

    def park(self, upload: Upload) -> None:
        """All that the first credit allows, and the connection is gone before more of it can come back."""
        peer = self.sender.peer()
        transfer = peer.open(upload)
        for number in range(transfer.credit):
            peer.send(upload.chunk(number * transfer.chunksize, transfer.chunksize))
        peer.close(linger=5.0)
        wait_until(lambda: any(row["event"] == "parked" for row in self.server.ledger.all_events()), 5 * PATIENCE,
                   "its connection is found gone")

    def dync(self, proxy: Proxy) -> "subprocess.Popen[str]":
        file = self.file("ours.bin", SIZE)
        return subprocess.Popen(self.sender.command(file, port=proxy.port), text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, "HOME": str(self.lab), **self.faults.environment})

    def original(self, proxy: Proxy) -> threading.Thread:
        file = self.file("original.bin", SIZE)

        def upload() -> None:
            client = self.sender.original(Habits(receive_timeout=2.0), endpoint=proxy.endpoint)
            with open(file, "rb") as source:
                client.upload(source, file.name)
            client.close()

        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        return thread

    def while_it_is(self, days: int) -> None:
        """A small upload, its record, and a new key."""
        name = f"day{days + 1}.bin"
        with self.sender.peer() as peer:
            receipt = peer.upload(Upload(name, b"today"))
        now = datetime.now(timezone.utc) + timedelta(days=days)
        (row,) = self.server.ledger.named(name)
        for text in (row["created_at"], row["finished_at"], (receipt.receipt or {})["committed_at"],
                     *(event["at"] for event in self.server.ledger.events(row["upload_id"]))):
            self.assertLess(abs(wall_clock(text) - now), SLACK, f"{text} on day {days}")
        newcomer = self.another_sender(f"newcomer{days + 1}")

        def gets_in() -> bool:
            with newcomer.raw() as peer:
                return peer.await_handshake(20)

        promise("a new key gets in", EFFECT, gets_in)

    def waited(self) -> int:
        (row,) = self.server.ledger.query("SELECT parked_seconds FROM sessions WHERE parked_seconds IS NOT NULL")
        return int(row["parked_seconds"])

    def pids(self) -> list[int]:
        workers = ("dync-receiver", "dync-hasher", "dync-committer")
        return [self.server.pid, *(pid for name in workers for pid in self.server.workers(name))]


if __name__ == "__main__":
    main()
