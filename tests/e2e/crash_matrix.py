"""Every named crash point of one program: the process dies there, and once more on the way back, with uploads of each
kind in flight and a consumer that takes away what appears. One server lives through all of it, as its tokens are laid
one after another. DYNC_TEST_ROUNDS: how often each point's turn comes, each time with another partner and other sizes;
DYNC_TEST_SEED repeats a run."""
from __future__ import annotations

import os
import random
import time
from itertools import cycle
from pathlib import Path
from typing import Callable, Optional

from tests.e2e import store
from tests.e2e.config import Dropbox
from tests.e2e.crash_points import Tokens
from tests.e2e.flights import KIB, MIB, Flight, Fleet, Original, in_parallel
from tests.e2e.harness import START, ServerTest
from tests.e2e.snatcher import Snatcher
from tests.e2e.timing import PATIENCE, say, wait_until

ROUNDS = int(os.environ.get("DYNC_TEST_ROUNDS") or "1")
CHECKPOINT = 256 * KIB  # every part of the way to a checkpoint is passed by uploads of some MiB

# What a process comes by on its way back, whenever it starts.
COMMITTER_STARTS = ("recover.1.begun", "recover.4.replayed", "recover.5.recovered")
RECEIVER_STARTS = ("restore.2.restored", "restore.3.bound", "recover.6.greeted")
HASHER_STARTS = ("hash.2.begun",)
OF_RECEIVER = ("receive.", "restore.")


def is_unanswered(flight: Flight) -> bool:
    return isinstance(flight, Original) and flight.unanswered


def seed() -> int:
    chosen = int(os.environ.get("DYNC_TEST_SEED") or random.SystemRandom().randrange(10**6))
    say(f"DYNC_TEST_SEED={chosen}")
    return chosen


class CrashMatrix(ServerTest):
    """`PROGRAM`: whose points, less those that `elsewhere` names; a point that a start comes by needs a `trigger`."""

    DROPBOXES = (Dropbox("snatched", r"snatched.*"),)
    EXPECTED_ERRORS = (r"worker\.died", r"killed by signal 9", r"signal 9")

    def prepare(self) -> None:
        self.tokens = Tokens(self.server.home / "tokens")
        # Deaths come thick and fast here; a worker that keeps dying is not what is tested, so none is made to wait.
        self.server.environment.update(self.tokens.environment, DYNC_TEST_CHECKPOINT=str(CHECKPOINT), DYNC_TEST_STEADY_MS="0")
        self.rng = random.Random(seed())
        self.fleet = Fleet(self.sender, self.rng)
        self.snatcher = Snatcher(self.server.dropbox("snatched"), self.server.home / "taken")
        self.snatcher.start()

    # ---- one turn ----

    def small(self) -> int:
        return self.rng.randrange(1, 8 * KIB)

    def large(self) -> int:
        return self.rng.randrange(MIB, 4 * MIB)

    def flights(self) -> list[Flight]:
        fleet = self.fleet
        return [fleet.ours(self.small()), fleet.ours(self.large()), fleet.original(self.large()),
                fleet.archive(self.rng.randrange(1, MIB))]

    def with_checkpoints(self, point: str) -> list[Flight]:
        """One that is large enough for several, if the point is on the way to one."""
        return [self.fleet.ours(8 * MIB)] if "checkpoint" in point or point.endswith(".synced") else []

    def turn(self, point: str, partner: str, flights: list[Flight], trigger: Optional[str] = None,
             then: Callable[[], None] = lambda: None) -> float:
        """Dies at `point`, to which `trigger` leads, and at `partner`, if the way back comes by there."""
        start = time.monotonic()
        self.tokens.lay(partner, 2)
        self.tokens.lay(point, 1)
        if trigger:
            self.tokens.lay(trigger, 3)
        failures = in_parallel(flights, then)
        if not any(name.startswith(OF_RECEIVER) for name in (point, partner, trigger or "")):
            failures += [f"{flight.name}: no answer to its post-file" for flight in flights if is_unanswered(flight)]
        self.assertEqual(failures, [], f"{point} and {partner}\n{self.server.log()[-6000:]}")
        wait_until(lambda: f"{point}.1" not in self.tokens.left(), START * PATIENCE, f"{point} is passed")
        left = self.tokens.left()
        if partner in (*COMMITTER_STARTS, *RECEIVER_STARTS) and left:
            wait_until(lambda: not self.tokens.left(), START * PATIENCE, f"{partner} is passed after {point}")
            left = []
        self.tokens.clear()
        self.deaths += 2 + bool(trigger) - len(left)
        self.unanswered += sum(map(is_unanswered, flights))
        return time.monotonic() - start

    def turns(self, points: list[str], partners: tuple[str, ...], flights: Callable[[str], list[Flight]],
              triggers: dict[str, str] = {}) -> None:  # noqa: B006
        """All points, DYNC_TEST_ROUNDS times, each with the next partner or with itself once more."""
        self.deaths = self.unanswered = 0
        others = cycle(("", *partners))
        longest = (0.0, "")
        for number in range(ROUNDS):
            for point in points:
                partner = next(others) or point
                took = self.turn(point, partner, flights(point), triggers.get(point))
                longest = max(longest, (took, f"{point} and {partner}"))
            next(others)  # in the next round each has another one
        self.check_all()
        say(f"{len(points)} points, {ROUNDS} times: {self.deaths} deaths, {len(self.fleet.all)} uploads, "
            f"{self.unanswered} originals whose post-file got lost, "
            f"the longest turn {longest[0]:.1f} s ({longest[1]})")

    # ---- afterwards ----

    def box_of(self, flight: Flight) -> Path:
        for box in self.DROPBOXES:
            if flight.name.startswith(box.regexp.removesuffix(".*")):
                return self.server.dropbox(box.name)
        return self.server.dropbox("tar" if flight.name.endswith(".tar") else "any")

    def check_all(self) -> None:
        """Each is committed once, bit-identical where it is now; nothing else was ever published."""
        self.snatcher.end()
        finished = [flight for flight in self.fleet.all if not is_unanswered(flight)]
        for flight in finished:
            with self.subTest(flight.name):
                self.check_one(flight)
        self.assertEqual(self.snatcher.violations, [])
        self.assertEqual(set(self.snatcher.items), {flight.item for flight in finished if flight.name.startswith("snatched")})
        self.assertEqual(len(self.server.ledger.uploads("committed")), len(finished))

    def _check(self) -> None:
        wait_until(lambda: not store.rests(self.server.ledger, self.server.layout.staging), START * PATIENCE,
                   "staging is cleaned up")
        self.snatcher.end()
        self.consumed |= set(self.snatcher.items)
        super()._check()

    def check_one(self, flight: Flight) -> None:
        box = self.box_of(flight)
        rows = [row for row in self.server.ledger.named(flight.name) if row["state"] == "committed"]
        self.assertEqual([row["destination"] for row in rows], [str(box / flight.item)])
        events = [event["event"] for event in self.server.ledger.events(rows[0]["upload_id"])]
        self.assertEqual(events.count("committed"), 1)
        snatched = box.name == "snatched"
        found = self.snatcher.items.get(flight.item, {}) if snatched else store.tree(box / flight.item)
        if flight.name == flight.item:  # a plain file, with its sidecars
            self.assertEqual(set(found), {flight.name, *store.sidecars(rows[0])})
            found = {flight.name: found[flight.name]}
        self.assertEqual(found, flight.files)
