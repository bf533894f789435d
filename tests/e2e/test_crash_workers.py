"""dync-receiver, dync-hasher and dync-untar die at each of their points, and once more on their way back."""
from __future__ import annotations

from tests.e2e.crash_matrix import HASHER_STARTS, RECEIVER_STARTS, CrashMatrix
from tests.e2e.crash_points import points_of
from tests.e2e.flights import MIB, Flight
from tests.e2e.harness import main

PARKED = "receive.2.parked"


class WorkersMatrix(CrashMatrix):
    def fly(self, point: str) -> list[Flight]:
        extra = [self.fleet.taken_over(2 * MIB)] if point == PARKED else []
        return [*self.flights(), *extra, *self.with_checkpoints(point)]

    def test_receiver(self) -> None:
        points = [point for point in points_of("receiver") if point.startswith("receive.")]
        self.turns(points, RECEIVER_STARTS, self.fly)

    def test_hasher(self) -> None:
        self.turns(points_of("hasher"), HASHER_STARTS, self.fly)

    def test_untar(self) -> None:
        self.turns(points_of("untar"), (), self.fly)


if __name__ == "__main__":
    main()
