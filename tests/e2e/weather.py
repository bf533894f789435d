"""Bad networks from a seed: what happens to each connection, and when."""
from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Callable, Optional

from tests.peer.proxy import Faults, Proxy

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Spell:
    """One thing that happens to a link: so long after the last one, it is so for `seconds`."""

    after: float
    what: str  # cut, refuse, stall, swallow, slow
    seconds: float
    rate: float

    def __str__(self) -> str:
        return f"{self.what}@+{self.after:.1f}s" + ("" if self.what == "cut" else f"/{self.seconds:.1f}s")


@dataclass(frozen=True)
class Climate:
    """Of one client's link: its usual rate and delay, its connections' ends by bytes, and spells."""

    rate: Optional[float]
    delay: float
    cuts: tuple[int, ...]  # bytes after which connection 0, 1, … is cut
    spells: tuple[Spell, ...]

    def __str__(self) -> str:
        rate = "full" if self.rate is None else f"{self.rate / 1000:.0f} kB/s"
        return f"{rate}, {self.delay * 1000:.0f} ms, cut after {list(self.cuts)}, {' '.join(map(str, self.spells))}"


def climate(rng: random.Random, size: int) -> Climate:
    """`size`: of the file that is sent through it. No connection is cut before it carried an approval."""
    cuts = tuple(rng.randrange(16 * KIB, max(17 * KIB, size)) for _ in range(rng.choice((0, 1, 1, 2))))
    spells = tuple(spell(rng) for _ in range(rng.choice((0, 1, 1, 2))))
    return Climate(rng.choice((None, None, 2 * MIB, 600 * KIB)), rng.choice((0.0, 0.0, 0.02, 0.1)), cuts, spells)


def spell(rng: random.Random) -> Spell:
    what = rng.choice(("cut", "cut", "refuse", "stall", "swallow", "slow"))
    return Spell(rng.uniform(0.0, 3.0), what, rng.uniform(0.2, 4.0), rng.uniform(50, 300) * KIB)


class Link:
    """A proxy for one client with its climate. The spells begin with start()."""

    def __init__(self, target: tuple[str, int], weather: Climate) -> None:
        self._weather = weather
        self._ended = threading.Event()
        self.proxy = Proxy(target, self._connection)
        self._live: list[Faults] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _connection(self, number: int) -> Faults:
        cut_after = self._weather.cuts[number] if number < len(self._weather.cuts) else None
        faults = Faults(self._weather.rate, self._weather.delay, cut_after=cut_after)
        self._live.append(faults)
        return faults

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self.proxy.close()

    def _run(self) -> None:
        for each in self._weather.spells:
            if self._ended.wait(each.after):
                break
            self._one(each)

    def _one(self, each: Spell) -> None:
        if each.what == "swallow":
            self.proxy.swallow()
            self._ended.wait(each.seconds)
        elif each.what == "refuse":
            self.proxy.faults.refusing = True
        if each.what in ("cut", "refuse", "swallow"):
            self.proxy.cut()
        if each.what == "refuse":
            self._ended.wait(each.seconds)
            self.proxy.faults.refusing = False
        if each.what == "stall":
            self._while(each, lambda faults: setattr(faults, "stalled", True), lambda f: setattr(f, "stalled", False))
        elif each.what == "slow":
            self._while(each, lambda faults: setattr(faults, "rate", each.rate),
                        lambda faults: setattr(faults, "rate", self._weather.rate))

    def _while(self, each: Spell, begin: Callable[[Faults], None], end: Callable[[Faults], None]) -> None:
        """For the connections of now."""
        affected = list(self._live)
        for faults in affected:
            begin(faults)
        self._ended.wait(each.seconds)
        for faults in affected:
            end(faults)
