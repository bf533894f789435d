"""Descriptors and memory of each process stay where they are, whatever comes and goes. DYNC_TEST_FULL=1: 10,000 uploads
and 1,000 cut connections."""
from __future__ import annotations

import itertools
import os
import time
from pathlib import Path
from typing import Callable

from tests.e2e import processes
from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import SANITIZED, say, scaled, wait_until
from tests.peer.dync_client import DyncClient, Upload
from tests.peer.proxy import Proxy

FULL = bool(os.environ.get("DYNC_TEST_FULL"))
UPLOADS, CUTS = (10_000, 1_000) if FULL else (scaled(600, 100), scaled(100, 20))
BATCH_UPLOADS, BATCH_CUTS, CLIENTS = 100, 20, 4
WARM_UP = 3  # batches, after which caches and the allocators' arenas have their size
KEPT = 50  # answers that are kept for who asks again; 10,000 otherwise, which would grow all the time here
KIB, MIB = 1024, 1024 * 1024
PROCESSES = ("dync-receiver", "dync-hasher", "dync-committer")
DESCRIPTORS = 5
STEADY = 3  # looks in a row
MEMORY = 0.05
# Beside them, what fills up to a bound and is no leak: SQLite's cache of pages has 2 MiB, and the receiver remembers of
# the last 16,384 uploads where they ended, 100 bytes each. 250 bytes lost with each of 10,000 uploads would be seen.
SLACK = 2 * MIB


class LeaksTest(ServerTest):
    def prepare(self) -> None:
        self.server.environment["DYNC_TEST_ANSWERS_KEPT"] = str(KEPT)
        self.number = 0

    def pids(self) -> dict[str, int]:
        found = {"dync-server": self.server.pid}
        for name in PROCESSES:
            found.update({f"{name} {pid}": pid for pid in self.server.workers(name)})
        return found

    def name(self, kind: str) -> str:
        self.number += 1
        return f"{kind}_{self.number}.bin"

    def take_away(self) -> None:
        """What the consumer does; a dropbox with thousands of items would only make the test slow."""
        box = self.server.dropbox("any")
        for marker in box.glob(".MARKER*"):
            item = box / marker.name.removeprefix(".MARKER_is_finished_")
            for file in item.iterdir():
                file.unlink()
            item.rmdir()
            marker.unlink()
            self.consumed.add(item.name)

    def uploads(self, count: int) -> None:
        files: list[Path] = []
        for _ in range(count):
            files.append(self.lab / self.name("small"))
            files[-1].write_bytes(os.urandom(4 * KIB))
        clients = [self.sender.start("-q", *files[number::CLIENTS]) for number in range(CLIENTS)]
        for client in clients:
            self.assert_sent(self.finish(client))
        for file in files:
            file.unlink()
        self.take_away()

    def cuts(self, count: int, proxy: Proxy) -> None:
        """So many uploads whose connections are cut at the same moment; each goes on over a new one."""
        uploads = [Upload(self.name("cut"), os.urandom(300 * KIB)) for _ in range(count)]
        peers: list[DyncClient] = []
        for upload in uploads:
            peers.append(self.sender.peer(endpoint=proxy.endpoint))
            peers[-1].chunk_size = 64 * KIB
            peers[-1].send_until(peers[-1].open(upload), 128 * KIB)
        proxy.cut()
        for peer in peers:
            peer.close()
        for upload in uploads:
            with self.sender.peer() as peer:
                peer.upload(upload)
        self.take_away()

    def settle(self, measure: Callable[[], dict[str, int]]) -> dict[str, int]:
        """Once nothing is under way: what is measured has stopped falling."""
        wait_until(lambda: not list(self.server.layout.staging.iterdir()), 60, "staging is empty")
        looks = [measure()]

        def steady() -> bool:
            looks.append(measure())
            return len(looks) > STEADY and all(
                after[name] >= before[name] for before, after in itertools.pairwise(looks[-STEADY:]) for name in after)

        wait_until(steady, 60, "nothing falls any more", pause=0.5)
        return looks[-1]

    def descriptors(self) -> dict[str, int]:
        return {name: len(os.listdir(f"/proc/{pid}/fd")) for name, pid in self.pids().items()}

    def memory(self) -> dict[str, int]:
        return {name: processes.anonymous_memory(pid) for name, pid in self.pids().items()}

    def test_descriptors_and_memory(self) -> None:
        with Proxy(("127.0.0.1", self.server.port)) as proxy:
            for _ in range(WARM_UP):
                self.uploads(BATCH_UPLOADS)
                self.cuts(BATCH_CUTS, proxy)
            fds, memory = self.settle(self.descriptors), self.settle(self.memory)
            started = time.monotonic()
            for batch in range(max(UPLOADS // BATCH_UPLOADS, CUTS // BATCH_CUTS)):
                if batch < UPLOADS // BATCH_UPLOADS:
                    self.uploads(BATCH_UPLOADS)
                if batch < CUTS // BATCH_CUTS:
                    self.cuts(BATCH_CUTS, proxy)
        say(f"{UPLOADS} uploads and {CUTS} cut connections in {time.monotonic() - started:.1f} s")
        fds_now, memory_now = self.settle(self.descriptors), self.settle(self.memory)
        self.assertEqual(set(fds), set(fds_now), "a process has been restarted")
        for name in fds:
            say(f"{name}: descriptors {fds[name]} and {fds_now[name]}, memory {memory[name] / MIB:.2f} MiB "
                f"and {memory_now[name] / MIB:.2f} MiB")
        for name in fds:
            self.assertLessEqual(fds_now[name] - fds[name], DESCRIPTORS, name)
            if not SANITIZED:  # a sanitizer keeps what was freed
                self.assertLessEqual(memory_now[name], memory[name] * (1 + MEMORY) + SLACK, name)


if __name__ == "__main__":
    main()
