"""What a run needed: CPU time by thread, and memory by process."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Optional

REST = "not told apart"  # of processes that ended, beyond what was seen of their threads


class Row(NamedTuple):
    side: str  # sender or receiver
    process: str
    thread: str


class Owner(NamedTuple):
    side: str
    process: str


@dataclass
class Cost:
    """`cpu_ns`: user and system time. `memory`: the most anonymous bytes of all processes of one name together."""

    cpu_ns: dict[Row, int] = field(default_factory=dict)
    memory: dict[Owner, int] = field(default_factory=dict)

    def add(self, row: Row, nanoseconds: int) -> None:
        if nanoseconds > 0:
            self.cpu_ns[row] = self.cpu_ns.get(row, 0) + nanoseconds

    @property
    def total_ns(self) -> int:
        return sum(self.cpu_ns.values())


@dataclass
class Run:
    """One transfer by one contestant. `seconds`: until its programs have ended. `synced_seconds`: until `sync -f` has
    ended after them. `facts`: numbers of this load only, each with its unit in its name."""

    seconds: float
    synced_seconds: float
    size: int
    cost: Cost
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def ns_per_byte(self) -> float:
        return self.cost.total_ns / self.size

    def memory(self, side: str) -> Optional[int]:
        """Most anonymous bytes of the sender's or the receiver's processes; None if nobody looked."""
        peaks = [size for owner, size in self.cost.memory.items() if owner.side == side]
        return sum(peaks) if peaks else None
