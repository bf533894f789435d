"""dync-committer dies at each step of the commit, and once more on its way back."""
from __future__ import annotations

from tests.e2e.crash_matrix import COMMITTER_STARTS, CrashMatrix
from tests.e2e.crash_points import points_of
from tests.e2e.flights import MIB, Flight
from tests.e2e.harness import main

OF_RETURNERS = ("commit.2.parked", "commit.2.resumed")
EXPIRED = "commit.2.expired"  # test_crash_expiry


class CommitterMatrix(CrashMatrix):
    def fly(self, point: str) -> list[Flight]:
        extra = [self.fleet.taken_over(2 * MIB)] if point in OF_RETURNERS else []
        return [*self.flights(), *extra, *self.with_checkpoints(point)]

    def test_each_step(self) -> None:
        points = [point for point in points_of("committer") if point.startswith("commit.") and point != EXPIRED]
        self.turns(points, COMMITTER_STARTS, self.fly)


if __name__ == "__main__":
    main()
