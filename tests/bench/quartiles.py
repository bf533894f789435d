"""What many runs say: median, quartiles, and whether they agree."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

UNSTEADY = 0.3  # of the median


@dataclass(frozen=True)
class Quartiles:
    """Of numbers of any one unit."""

    low: float
    median: float
    high: float

    @property
    def spread(self) -> float:
        """The middle half's width as a part of the median."""
        return (self.high - self.low) / self.median if self.median else math.inf

    @property
    def steady(self) -> bool:
        return self.spread <= UNSTEADY


def quartiles(values: Sequence[float]) -> Quartiles:
    """Between two values it is interpolated, as numpy's percentile does."""
    if not values:
        raise ValueError("no values have no quartiles")
    ordered = sorted(values)

    def at(part: float) -> float:
        place = part * (len(ordered) - 1)
        below = math.floor(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

    return Quartiles(at(0.25), at(0.5), at(0.75))


def jain(shares: Sequence[float]) -> float:
    """Fairness: 1 when all are equal, 1/n when one has everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0
