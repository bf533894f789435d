"""Slow and broken links: nothing is cut that only is slow, and what was cut goes on within seconds."""
from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Optional

from tests.e2e import store
from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import promise, say, wait_until
from tests.peer.proxy import Proxy

KIB = 1024
MIB = 1024 * KIB
SLOWEST = 16_000.0  # bytes a second: 128 kbit/s
BACK = 3.0  # promised: so long after a cut new bytes arrive
FOUND = 20.0  # promised: so long after a connection fell silent heartbeats have found out


class LinkTest(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.proxy = self.enterContext(Proxy(("127.0.0.1", self.server.port)))

    def start(self, file: Path) -> "subprocess.Popen[str]":
        client = self.sender.start("-v", file, port=self.proxy.port)
        self.addCleanup(client.kill)
        return client

    def staged(self) -> int:
        """What the server has of the one upload."""
        return sum(store.staged_sizes(self.server.layout.staging))

    def assert_finished(self, client: "subprocess.Popen[str]", file: Path) -> None:
        done = self.finish(client)
        self.assert_sent(done)
        self.assertEqual(done.stderr.count("opening a new connection"), 0, done.stderr)
        self.assert_stored(file, "any")


class SlowTest(LinkTest):
    def test_the_slowest_link_is_never_cut(self) -> None:
        """The proxy takes 2 MiB at once, as a box with large buffers does: all of the file, if it is let."""
        self.proxy.slow(SLOWEST)
        file = self.file("slow.bin", 600 * KIB)
        started = time.monotonic()
        client = self.start(file)
        first = promise("the first bytes are stored", 5, self.staged)
        self.assertLessEqual(first, 64 * KIB, "small chunks at first")
        self.assert_finished(client, file)
        seconds = time.monotonic() - started
        say(f"{file.stat().st_size / seconds:.0f} B/s of {SLOWEST:.0f}")
        self.assertEqual(self.proxy.counters.connections, 1)
        self.assertLess(seconds, 1.3 * file.stat().st_size / SLOWEST, "the link was used")

    def test_nor_is_an_originals(self) -> None:
        """Its chunks of 256 KiB take 16 s each, and its heartbeats wait behind them."""
        self.proxy.slow(SLOWEST)
        file = self.file("original.bin", 600 * KIB)
        client = self.sender.original(endpoint=self.proxy.endpoint)
        try:
            with file.open("rb") as source:
                client.upload(source, file.name)
        finally:
            client.close()
        self.assertEqual((self.proxy.counters.connections, len(client.rewinds)), (1, 0))
        self.assert_stored(file, "any")

    def test_a_short_stall_is_no_cut(self) -> None:
        self.proxy.slow(2 * MIB)
        file = self.file("stalled.bin", 8 * MIB)
        client = self.start(file)
        wait_until(lambda: self.staged() > 2 * MIB, 60, "the upload is under way")
        self.proxy.stall()
        time.sleep(5)  # the length of the stall
        self.proxy.resume()
        self.assert_finished(client, file)
        self.assertEqual(self.proxy.counters.connections, 1)


class BrokenTest(LinkTest):
    def begin(self, size: int, rate: Optional[float]) -> "tuple[subprocess.Popen[str], Path]":
        file = self.file("broken.bin", size)
        self.proxy.slow(rate)
        client = self.start(file)
        wait_until(lambda: self.staged() > size // 4, 60, "a quarter has arrived")
        return client, file

    def test_new_bytes_within_seconds_of_a_cut(self) -> None:
        client, file = self.begin(16 * MIB, 4 * MIB)
        for number in range(3):
            before = self.staged()
            self.proxy.cut()
            connections = number + 2
            promise(f"new bytes after cut {number + 1}", BACK,
                    lambda: self.proxy.counters.connections == connections and self.staged() > before)
        self.proxy.slow(None)
        self.assert_finished(client, file)
        self.assertEqual(self.proxy.counters.connections, 4)

    def test_new_bytes_after_a_black_hole(self) -> None:
        """Nobody tells of it: heartbeats find out after 15 to 20 s."""
        client, file = self.begin(16 * MIB, 4 * MIB)
        self.proxy.swallow()
        before = self.staged()
        promise("new bytes after a black hole", FOUND + BACK,
                lambda: self.proxy.counters.connections == 2 and self.staged() > before)
        self.proxy.slow(None)
        self.assert_finished(client, file)

    def test_a_long_stall_ends_well(self) -> None:
        """Both sides give the connection up; what was on its way comes out of it afterwards."""
        client, file = self.begin(16 * MIB, 4 * MIB)
        self.proxy.stall()
        time.sleep(25)  # the length of the stall, longer than the heartbeats wait
        self.proxy.resume()
        before = self.staged()
        promise("new bytes after the stall", BACK, lambda: self.staged() > before)
        self.proxy.slow(None)
        self.assert_finished(client, file)


if __name__ == "__main__":
    main()
