"""Original clients through bad networks: seeded schedules of cuts, stalls, black holes, delays, slow links, with many
small windows. Every upload ends with the right bytes; none ever hears an error.

DYNC_LINK_RUNS=N runs so many schedules, DYNC_LINK_SEED=S the one of that seed alone (its line tells what happens).
"""
from __future__ import annotations

import hashlib
import io
import os
import random
import threading
import time
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, Optional, Sequence

from tests.e2e import processes
from tests.e2e.harness import Sender, Server, ServerTest, main
from tests.e2e.timing import SANITIZED, say, scaled
from tests.e2e.weather import Climate, Link, climate
from tests.peer import wire
from tests.peer.original_client import Habits

KIB, MIB = 1024, 1024 * 1024
RUNS = int(os.environ.get("DYNC_LINK_RUNS") or scaled(12, 2))
SEED = os.environ.get("DYNC_LINK_SEED")
AT_ONCE = 6  # schedules: they mostly wait
TIMEOUT = float(os.environ.get("DYNC_LINK_TIMEOUT") or 300)  # seconds for one schedule
# One status-report in 25 s for one position: a client that asks each 4 s has sent 6 empty chunks until then, within the
# 16 that the server leaves it. A real one asks each 30 s.
RECEIVE_TIMEOUT = 4.0


@dataclass(frozen=True)
class Journey:
    """One client of a schedule."""

    name: str
    size: int
    attentive: bool
    weather: Climate

    def __str__(self) -> str:
        return f"{self.name}: {self.size} B{', attentive' if self.attentive else ''}, {self.weather}"


@dataclass(frozen=True)
class Schedule:
    seed: int
    extra: str
    journeys: tuple[Journey, ...]


def schedule(seed: int) -> Schedule:
    rng = random.Random(seed)
    chunk = rng.choice((4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB))
    queue, budget = rng.choice((17, 24, 64, 100)), rng.choice((1, 1, 2, 8)) * MIB
    sizes = (0, 1, chunk - 1, chunk, chunk + 1, 5 * chunk + 3, rng.randrange(4 * MIB), rng.randrange(4 * MIB), 4 * MIB)
    journeys = []
    for number in range(rng.randint(2, 6)):
        size = rng.choice(sizes)
        journeys.append(Journey(f"s{seed}c{number}.bin", size, rng.random() < 0.5, climate(rng, size)))
    extra = f"flow: {{chunk_size: {chunk}, max_queue: {queue}, budget: {budget}}}\n"
    return Schedule(seed, extra, tuple(journeys))


class Run:
    """One schedule with a server of its own. `problems`: what went wrong."""

    def __init__(self, plan: Schedule) -> None:
        self.plan = plan
        self.problems: list[str] = []
        self.traces: dict[str, Sequence[str]] = {}  # the last messages of those that have not ended well
        self.reports = self.cuts = 0
        self.seconds = 0.0

    def run(self) -> "Run":
        server = Server(self.plan.extra)
        try:
            sender = Sender(server, "user1")
            sender.list_key()
            server.start()
            start = time.monotonic()
            threads = [threading.Thread(target=self._upload, args=(server, sender, each))
                       for each in self.plan.journeys]
            for thread in threads:
                thread.start()
            for thread, journey in zip(threads, self.plan.journeys):
                thread.join(max(0.0, start + TIMEOUT - time.monotonic()))
                if thread.is_alive():
                    self.problems.append(f"{journey.name} did not end within {TIMEOUT:.0f} s")
            self.seconds = time.monotonic() - start
            self.problems += server.problems([], [])
            if self.problems:
                self.problems.append(server.log()[-3000:])
        finally:
            server.remove()
        return self

    def _upload(self, server: Server, sender: Sender, journey: Journey) -> None:
        data = random.Random(journey.name).randbytes(journey.size)
        link = Link(("127.0.0.1", server.port), journey.weather)
        client = sender.original(Habits(RECEIVE_TIMEOUT, attentive=journey.attentive), link.proxy.endpoint)
        self.traces[journey.name] = client.trace
        try:
            threading.Thread(target=lambda: client.approved.wait(TIMEOUT) and link.start(), daemon=True).start()
            upload_id = client.upload(io.BytesIO(data), journey.name)
            self.reports += len(client.rewinds)
            self.cuts += link.proxy.counters.cuts
            row = server.ledger.upload(upload_id)
            stored = server.dropbox("any") / journey.name / journey.name
            if row["state"] != "committed" or stored.read_bytes() != data:
                raise AssertionError(f"{row['state']}, or other bytes than were sent")
            del self.traces[journey.name]
        except Exception as problem:  # the test tells it, with its seed
            self.problems.append(f"{journey.name}: {problem!r}")
        finally:
            client.close()
            link.close()

    def describe(self) -> str:
        lines = [f"DYNC_LINK_SEED={self.plan.seed}: {self.plan.extra.strip()}", *map(str, self.plan.journeys)]
        for name, trace in self.traces.items():
            lines += [f"{name}, its last messages:", *(f"  {line}" for line in trace)]
        return "\n  ".join(lines + self.problems)


class SchedulesTest(unittest.TestCase):
    def test_schedules(self) -> None:
        first = int(SEED) if SEED else random.SystemRandom().randrange(1, 10**6)
        seeds = [first] if SEED else range(first, first + RUNS)
        failed = []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in pool.map(lambda seed: Run(schedule(seed)).run(), seeds):
                say(f"seed {done.plan.seed}: {len(done.plan.journeys)} clients, {done.cuts} cuts, {done.reports} "
                    f"status-reports, {done.seconds:.1f} s{', FAILED' if done.problems else ''}")
                if SEED:
                    say(done.describe())
                failed += [done.describe()] if done.problems else []
        self.assertFalse(failed, "\n\n".join(failed))


class OriginalTest(ServerTest):
    EXTRA = "flow: {chunk_size: 4096, max_queue: 100}\n"

    def upload(self, name: str, data: bytes, source: Optional[BinaryIO] = None, habits: Habits = Habits(2),
               routing_id: Optional[bytes] = None) -> None:
        client = self.sender.original(habits, routing_id=routing_id)
        try:
            client.upload(source or io.BytesIO(data), name)
        finally:
            client.close()
        self.assertEqual((self.server.dropbox("any") / name / name).read_bytes(), data)

    def test_a_routing_id_that_begins_with_zero(self) -> None:
        """One in 256 uuid4s does."""
        self.upload("zero.bin", b"data", routing_id=bytes(1) + uuid.uuid4().bytes[1:])

    def test_a_source_that_is_silent(self) -> None:
        """It says nothing meanwhile, and its upload waits."""
        ours, theirs = os.pipe()
        data = os.urandom(200_000)

        def feed() -> None:
            with open(theirs, "wb", buffering=0) as sink:
                for at in range(0, len(data), 50_000):
                    time.sleep(1)  # the source's silence, longer than this client's receive timeout
                    sink.write(data[at:at + 50_000])

        thread = threading.Thread(target=feed)
        thread.start()
        with open(ours, "rb") as source:
            self.upload("silent.bin", data, source, Habits(0.5))
        thread.join()

    def test_credit_for_an_original(self) -> None:
        """What is granted beyond the written mark stays within maxqueue - 16, and comes in steps of a quarter."""
        with self.sender.raw() as peer:
            approved = peer.ask(wire.post_file("credit.bin"), wire.UploadApproved)
            self.assertEqual(approved.chunksize, 4096)
            window = approved.maxqueue - 16
            self.assertLessEqual(approved.credit, window)
            granted, sent, written = approved.credit, 0, 0
            steps = []
            for _ in range(40):
                while sent < granted:
                    peer.send(wire.post_chunk(sent * 4096, bytes(4096)))
                    sent += 1
                amount = peer.expect(wire.TransferCredit).amount
                steps.append(amount)
                granted += amount
                self.assertLessEqual(granted - sent, window)
            say(f"maxqueue {approved.maxqueue}, credit {approved.credit}, then in steps of {sorted(set(steps))}")
            self.assertGreaterEqual(min(steps), max(1, window // 4))
            digest = hashlib.sha256(bytes(4096 * sent)).digest()
            peer.ask(wire.post_chunk(sent * 4096, b"", digest), wire.UploadFinished)

    def test_no_status_report_before_the_first_chunk(self) -> None:
        """Its query-status is answered by credit; the chunk that follows shows where it is."""
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("asks.bin"), wire.UploadApproved)
            for _ in range(5):
                self.assertLessEqual(peer.ask(wire.query_status(), wire.TransferCredit).amount, 1)
            self.server.kill_worker("dync-receiver")
            self.expected_errors.append("receiver")
            end = time.monotonic() + 20
            answers: list[wire.ServerMessage] = []
            while time.monotonic() < end and not answers:
                peer.send(wire.query_status())
                answers += filter(None, [peer.receive(1)])
            while (more := peer.receive(1)) is not None:
                answers.append(more)
            self.assertTrue(answers)
            for answer in answers:
                self.assertIsInstance(answer, wire.TransferCredit)
                assert isinstance(answer, wire.TransferCredit)
                self.assertLessEqual(answer.amount, 1)
            peer.send(wire.post_chunk(4096, bytes(4096)))  # the first was lost on the way
            self.assertEqual(peer.expect(wire.StatusReport).seek, 0)

    def test_one_status_report_in_25_seconds(self) -> None:
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("reports.bin"), wire.UploadApproved)
            peer.send(wire.post_chunk(0, bytes(4096)))
            peer.send(wire.post_chunk(8192, bytes(4096)))
            self.assertEqual(peer.expect(wire.StatusReport).seek, 4096)
            start, credits = time.monotonic(), 0
            while True:
                peer.send(wire.query_status())
                answer = peer.receive(10)
                if isinstance(answer, wire.StatusReport):
                    break
                self.assertEqual(answer, wire.TransferCredit(0), "none while a gap is open")
                credits += 1
                time.sleep(0.5)  # how often this client asks
            say(f"the next report after {time.monotonic() - start:.1f} s, {credits} times transfer-credit 0 before it")
            self.assertEqual(answer.seek, 4096)
            self.assertGreaterEqual(time.monotonic() - start, 24)


class ManyTest(ServerTest):
    """A budget of four chunks for many originals: approved at once, if with credit 0, and all finish."""

    EXTRA = "flow: {chunk_size: 262144, budget: 1048576}\n"

    def test_a_small_budget(self) -> None:
        count = scaled(40, 10)
        slowest, problems = 0.0, []

        def one(number: int) -> None:
            nonlocal slowest
            data = random.Random(number).randbytes(MIB + number)
            client = self.sender.original(Habits(5))
            start = time.monotonic()
            threading.Thread(target=lambda: waited(client.approved, start), daemon=True).start()
            try:
                client.upload(io.BytesIO(data), f"many{number}.bin")
                if (self.server.dropbox("any") / f"many{number}.bin" / f"many{number}.bin").read_bytes() != data:
                    problems.append(f"many{number}.bin has other bytes")
            except Exception as problem:  # the test tells it
                problems.append(f"many{number}.bin: {problem!r}")
            finally:
                client.close()

        def waited(approved: threading.Event, start: float) -> None:
            nonlocal slowest
            if approved.wait(60):
                slowest = max(slowest, time.monotonic() - start)

        with ThreadPoolExecutor(count) as pool:
            list(pool.map(one, range(count)))
        say(f"{count} originals, budget 1 MiB: the slowest approval after {slowest:.2f} s (an original waits 30 s)")
        self.assertEqual(problems, [])
        self.assertLess(slowest, 10)
        (receiver,) = self.server.workers("dync-receiver")
        memory = processes.anonymous_memory(receiver)
        say(f"the receiver's anonymous memory: {memory / MIB:.1f} MiB")
        if not SANITIZED:
            self.assertLess(memory, 64 * MIB)


if __name__ == "__main__":
    main()
