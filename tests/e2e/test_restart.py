"""A restart between two uploads, and each worker killed in the middle of one: both kinds of client finish."""
from __future__ import annotations

import hashlib
import os
import random
import signal
import threading
from pathlib import Path
from typing import Callable

from tests.e2e.harness import START, ServerTest, main
from tests.e2e.timing import promise, say, scaled, wait_until
from tests.peer import wire
from tests.peer.dync_client import Upload
from tests.peer.original_client import Habits
from tests.peer.proxy import Proxy

MIB = 1024 * 1024
WORKERS = ("dync-hasher", "dync-receiver", "dync-committer")


class RestartTest(ServerTest):
    def test_between_two_uploads(self) -> None:
        first, second = self.file("first.bin", 3 * MIB), self.file("second.bin", 3 * MIB)
        self.assert_sent(self.sender.send(first))
        pids = [self.server.pid, *(pid for name in WORKERS for pid in self.server.workers(name))]
        self.server.restart()
        self.assertFalse(set(pids) & {self.server.pid, *(pid for name in WORKERS for pid in self.server.workers(name))})
        self.assert_sent(self.sender.send(second))
        self.assert_stored(first, "any")
        self.assert_stored(second, "any")
        again = self.sender.send(first)
        self.assertEqual(again.returncode, 1, "the name exists")
        self.assertEqual(len(self.server.ledger.uploads("committed")), 2)

    def test_the_receipt_is_told_again_after_a_restart(self) -> None:
        data, opts = b"once", {"dync": 2, "key": "0123456789abcdef" * 2, "size": 4, "mtime_ns": 1}
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("once.bin", b"{}", opts), wire.UploadApproved)
            peer.send(wire.post_chunk(0, data))
            first = peer.ask(wire.post_chunk(4, b"", hashlib.sha256(data).digest()), wire.UploadFinished)
        self.server.restart()
        with self.sender.raw() as peer:
            self.assertEqual(peer.ask(wire.post_file("once.bin", b"{}", opts), wire.UploadFinished), first)
        self.assertEqual(len(self.server.ledger.uploads()), 1)

    def test_a_stop_in_the_middle_is_in_time(self) -> None:
        """A stop is silent to running uploads; nothing partial is visible after it."""
        with Proxy(("127.0.0.1", self.server.port)) as proxy:
            proxy.slow(4 * MIB)
            client = self.sender.start(self.file("stopped.bin", 64 * MIB), port=proxy.port)
            wait_until(lambda: proxy.counters.up > 2 * MIB, 60, "the upload is under way")
            self.server.stop()
            self.assertIsNone(client.poll(), "the client waits for the server to come back")
            client.kill()
            self.finish(client)
        self.assertEqual(list(self.server.dropbox("any").iterdir()), [])


class TidyTest(ServerTest):
    EXPECTED_ERRORS = ("committer",)

    def test_a_committer_killed_after_the_receipt(self) -> None:
        """Step 9 removes ID after upload-finished: whenever that is cut short, the next committer ends it."""
        opts = {"dync": 2, "size": 4, "mtime_ns": 1}
        for number in range(scaled(20, 4)):
            (committer,) = self.server.workers("dync-committer")
            with self.sender.raw() as peer:
                key = f"{number + 1:032x}"
                peer.ask(wire.post_file(f"tidy{number}.bin", b"{}", {**opts, "key": key}), wire.UploadApproved)
                peer.send(wire.post_chunk(0, b"data"))
                peer.ask(wire.post_chunk(4, b"", hashlib.sha256(b"data").digest()), wire.UploadFinished)
                os.kill(committer, signal.SIGKILL)
            self.server.restart()
        wait_until(lambda: not list(self.server.layout.staging.iterdir()), 20, "staging is empty")


class KilledWorkerTest(ServerTest):
    """The network is slowed so that the kill falls in the middle for certain; then it is let go."""

    EXPECTED_ERRORS = ("dync-hasher", "dync-receiver", "dync-committer", "hasher", "receiver", "committer")
    SIZE = 32 * MIB

    def setUp(self) -> None:
        super().setUp()
        self.proxy = self.enterContext(Proxy(("127.0.0.1", self.server.port)))
        self.size = scaled(self.SIZE, 8 * MIB)
        self.rewinds: list[int] = []  # of the last original client
        self.slowly()

    def slowly(self) -> None:
        self.proxy.slow(self.size / 8)  # eight seconds: a worker is up again long before the end

    def kill_in_the_middle(self, kill: Callable[[], None]) -> None:
        start = self.proxy.counters.up
        wait_until(lambda: self.proxy.counters.up > start + self.size // 4, 60, "a quarter is under way")
        self.assertEqual(len(self.server.ledger.uploads("receiving")), 1)
        self.proxy.slow(self.size / 120)  # a restart may take the tenfold of its promise
        kill()
        promise("it serves again", START, self.serves)
        self.assertLess(self.proxy.counters.up, start + self.size, "the kill was in the middle")
        self.proxy.slow(None)

    def serves(self) -> bool:
        """A new connection is let in, and rules are applied to what it asks."""
        with self.sender.peer() as peer:
            peer.send(Upload("asked.bin", b"").post(check=True))
            return isinstance(peer.receive(0.5), wire.UploadApproved)

    def kill_and_start(self) -> None:
        self.server.kill_everything()
        self.server.start()

    def ours(self, file: Path, disturb: Callable[[], None]) -> None:
        client = self.sender.start(file, port=self.proxy.port)
        try:
            disturb()
        finally:
            self.proxy.slow(None)
            done = self.finish(client, 300)
        self.assert_sent(done)

    def original(self, file: Path, disturb: Callable[[], None]) -> None:
        client = self.sender.original(Habits(2), self.proxy.endpoint)
        ended: list[object] = []

        def upload() -> None:
            try:
                with open(file, "rb") as source:
                    ended.append(client.upload(source, file.name))
            except Exception as problem:  # the test tells it
                ended.append(problem)
            finally:
                self.rewinds = client.rewinds
                client.close()

        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        try:
            disturb()
        finally:
            self.proxy.slow(None)
            thread.join(300)
        self.assertTrue(ended, "the original client still waits")
        self.assertIsInstance(ended[0], str, f"the original client: {ended[0]!r}\n{self.server.log()[-3000:]}")

    def check(self, what: str, kill: Callable[[], None], send: Callable[[Path, Callable[[], None]], None]) -> None:
        file = self.file(f"{what}.bin", self.size)
        send(file, lambda: self.kill_in_the_middle(kill))
        row = self.assert_stored(file, "any")
        events = [event["event"] for event in self.server.ledger.events(row["upload_id"])]
        self.assertEqual(events.count("committed"), 1)
        self.assertEqual(len(self.server.ledger.uploads()), 1)

    def check_worker(self, worker: str, send: Callable[[Path, Callable[[], None]], None]) -> None:
        self.check(worker.removeprefix("dync-"), lambda: self.server.kill_worker(worker), send)

    def test_hasher_ours(self) -> None:
        self.check_worker("dync-hasher", self.ours)

    def test_hasher_original(self) -> None:
        self.check_worker("dync-hasher", self.original)

    def test_receiver_ours(self) -> None:
        self.check_worker("dync-receiver", self.ours)

    def test_receiver_original(self) -> None:
        self.check_worker("dync-receiver", self.original)

    def test_committer_ours(self) -> None:
        self.check_worker("dync-committer", self.ours)

    def test_committer_original(self) -> None:
        self.check_worker("dync-committer", self.original)

    def test_the_whole_server_ours(self) -> None:
        """The written marks have survived: what was on its way goes over the network once more, no more."""
        self.check("whole", self.kill_and_start, self.ours)
        again = self.proxy.counters.up - self.size
        say(f"sent again, with what the protocol adds: {again / MIB:.2f} MiB of {self.size / MIB:.0f}")
        self.assertLess(again, 4 * MIB)

    def test_the_whole_server_original(self) -> None:
        """After the death of any process, all at once too, originals finish: their session is known from the ledger."""
        self.check("whole", self.kill_and_start, self.original)
        say(f"it went back to {[seek / MIB for seek in self.rewinds]} MiB of {self.size / MIB:.0f}")
        self.assertGreaterEqual(min(self.rewinds), self.size // 8, "the written marks have survived")

    def test_the_whole_server_several_times(self) -> None:
        for name, send in (("ours.bin", self.ours), ("original.bin", self.original)):
            with self.subTest(name):
                file = self.file(name, self.size)
                self.slowly()
                send(file, lambda: self.kill_each_sixth(self.proxy.counters.up))
                self.assert_stored(file, "any")

    def kill_each_sixth(self, before: int) -> None:
        for part in (1, 2, 3):
            wait_until(lambda: self.proxy.counters.up > before + part * self.size // 6, 120, f"{part}/6 is under way")
            self.kill_and_start()

    def test_workers_at_random(self) -> None:
        """Both kinds of client at once, and a random worker killed again and again."""
        seed = random.SystemRandom().randrange(10**6)
        say(f"seed {seed}")
        rng = random.Random(seed)
        ours, original = self.file("ours.bin", self.size), self.file("original.bin", self.size)
        self.ours(ours, lambda: self.original(original, lambda: self.kill_at_random(rng)))
        self.assert_stored(ours, "any")
        self.assert_stored(original, "any")

    def kill_at_random(self, rng: random.Random) -> None:
        for step in range(1, 7):
            wait_until(lambda: self.proxy.counters.up > step * self.size // 6, 120, f"step {step} is under way")
            self.server.kill_worker(rng.choice(WORKERS))

    def test_cuts(self) -> None:
        """The network is cut several times; both kinds of client go on where they were."""
        for name, send in (("ours.bin", self.ours), ("original.bin", self.original)):
            with self.subTest(name):
                file = self.file(name, self.size)
                self.slowly()
                before = self.proxy.counters.up
                send(file, lambda: self.cut_twice(before))
                self.assert_stored(file, "any")

    def cut_twice(self, before: int) -> None:
        for part in (4, 2):
            wait_until(lambda: self.proxy.counters.up > before + self.size // part, 120, f"1/{part} is under way")
            self.proxy.cut()


if __name__ == "__main__":
    main()
