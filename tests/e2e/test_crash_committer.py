"""dync-committer dies at each step of the commit, and once more on its way back."""
from __future__ import annotations

from tests.e2e import mounts
from tests.e2e.config import Dropbox
from tests.e2e.crash_matrix import COMMITTER_STARTS, CrashMatrix
from tests.e2e.crash_points import points_of
from tests.e2e.flights import MIB, Flight
from tests.e2e.harness import main

# Of a dropbox on another file system than staging.
ELSEWHERE = ("commit.5.elsewhere", "commit.5.copying", "commit.5.copied", "commit.9.elsewhere_gone")
OF_RETURNERS = ("commit.2.parked", "commit.2.resumed")
EXPIRED = "commit.2.expired"  # test_crash_expiry


class CommitterMatrix(CrashMatrix):
    DROPBOXES = (*CrashMatrix.DROPBOXES, Dropbox("other/box", r"elsewhere.*"))

    def prepare(self) -> None:
        mounts.mount_tmpfs(self, self.server.home / "other", 1024)
        self.server.dropbox("other/box").mkdir()
        super().prepare()

    def elsewhere(self) -> list[Flight]:
        fleet, box = self.fleet, "elsewhere_"
        return [fleet.ours(self.large(), box), fleet.original(self.large(), box), fleet.archive(self.large(), box)]

    def fly(self, point: str) -> list[Flight]:
        extra = [self.fleet.taken_over(2 * MIB)] if point in OF_RETURNERS else []
        extra += self.elsewhere() if point in ELSEWHERE else []
        return [*self.flights(), *extra, *self.with_checkpoints(point)]

    def test_each_step(self) -> None:
        points = [point for point in points_of("committer") if point.startswith("commit.") and point != EXPIRED]
        self.turns(points, COMMITTER_STARTS, self.fly)


if __name__ == "__main__":
    main()
