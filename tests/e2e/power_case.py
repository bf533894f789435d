"""A test whose server runs on a disk that forgets what was not synced."""
from __future__ import annotations

import io
import os
import random
import time
from typing import Optional

from tests.e2e.fault import Faults
from tests.e2e.harness import ServerTest
from tests.e2e.power import Disk

MIB = 1024 * 1024
SEED = int(os.environ.get("DYNC_TEST_SEED") or random.SystemRandom().randrange(10**6))
LOST = "the server lost data"


class Slow(io.BytesIO):
    """A source that pauses, so that a cut comes in its middle."""

    pause = 0.0

    def read(self, size: Optional[int] = -1) -> bytes:
        time.sleep(self.pause)
        return super().read(size)


class PowerCase(ServerTest):
    """A server on a disk that forgets what was not synced."""

    CHECKPOINT = MIB

    def prepare(self) -> None:
        self.rng = random.Random(SEED)
        self.boot = 0
        self.faults = Faults(self.server.home)
        self.addCleanup(self.faults.remove)
        layout = self.server.layout
        boxes = [self.server.dropbox(box.name) for box in layout.dropboxes]
        self.boxes = boxes
        self.disk = Disk(self.faults, [layout.staging, layout.store, *boxes])
        runtime = self.server.home / "run"  # it outlives the file that names it
        runtime.mkdir()
        self.server.environment.update(self.faults.environment, RUNTIME_DIRECTORY=str(runtime),
                                       DYNC_TEST_BOOT_ID="boot-0", DYNC_TEST_CHECKPOINT=str(self.CHECKPOINT))
        self.disk.record()

    def power_cut(self, journal: Optional[bool] = False) -> str:
        """Everything is dead and only what was durable is left; how that was chosen."""
        self.disk.freeze()
        self.server.kill_everything()
        return self.disk.restore(self.rng, journal)

    def power_on(self) -> None:
        self.boot += 1
        self.server.environment["DYNC_TEST_BOOT_ID"] = f"boot-{self.boot}"
        self.disk.record()
        self.server.start()
