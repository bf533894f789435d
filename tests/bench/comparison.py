"""Which runs are set against each other, and by which of their times."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from tests.bench.cost import Run
from tests.bench.loads import Load
from tests.bench.quartiles import Quartiles, quartiles

DYNC, WITHOUT_SYNC, SCP, RSYNC, BARE = "dync", "dync without sync", "scp", "rsync over ssh", "bare libzmq + CURVE"
Round = dict[str, Run]  # by contestant


@dataclass(frozen=True)
class Comparison:
    """`other` divided by `ours`: above 1, ours is cheaper or faster. `synced`: other's time includes a `sync -f`."""

    ours: str
    other: str
    synced: bool

    @property
    def title(self) -> str:
        return f"{self.other} + sync -f / {self.ours}" if self.synced else f"{self.other} / {self.ours}"

    def by_cpu(self, one: Round) -> float:
        return one[self.other].ns_per_byte / one[self.ours].ns_per_byte

    def by_seconds(self, one: Round) -> float:
        other = one[self.other]
        return (other.synced_seconds if self.synced else other.seconds) / one[self.ours].seconds


ALL = (
    Comparison(DYNC, SCP, synced=True),
    Comparison(DYNC, RSYNC, synced=True),
    Comparison(DYNC, BARE, synced=False),
    Comparison(DYNC, WITHOUT_SYNC, synced=False),
    Comparison(WITHOUT_SYNC, SCP, synced=False),
    Comparison(WITHOUT_SYNC, RSYNC, synced=False),
)


def contestants(load: Load) -> list[str]:
    """Bare libzmq knows one stream of bytes, so it stands beside large transfers only."""
    streams = load.name in ("single", "middle")
    return [DYNC, SCP, WITHOUT_SYNC, RSYNC, *([BARE] if streams else [])]


@dataclass(frozen=True)
class Ratio:
    comparison: Comparison
    cpu: Quartiles
    seconds: Quartiles


@dataclass(frozen=True)
class Result:
    """All rounds of one load. `probes`: of the disk before each round, in bytes a second."""

    load: Load
    rounds: Sequence[Round]
    probes: Sequence[float]

    @property
    def contestants(self) -> list[str]:
        return [name for name in contestants(self.load) if name in self.rounds[0]]

    @property
    def ratios(self) -> list[Ratio]:
        present = set(self.rounds[0])
        return [Ratio(one, quartiles([one.by_cpu(r) for r in self.rounds]), quartiles([one.by_seconds(r) for r in self.rounds]))
                for one in ALL if {one.ours, one.other} <= present]

    @property
    def probe(self) -> Quartiles:
        return quartiles(self.probes)

    def runs(self, contestant: str) -> list[Run]:
        return [one[contestant] for one in self.rounds]

    @property
    def doubts(self) -> list[str]:
        """Why it is unreliable; empty if it is not."""
        found = []
        if not self.probe.steady:
            found.append(f"the disk's speed has a spread of {self.probe.spread:.0%}")
        for ratio in self.ratios:
            for by, values in (("CPU", ratio.cpu), ("seconds", ratio.seconds)):
                if not values.steady:
                    found.append(f"{ratio.comparison.title} by {by} has a spread of {values.spread:.0%}")
        return found
