"""What every program that is measured has in common. A contestant serves one run, in a fresh directory."""
from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from tests.bench import proc
from tests.bench.loads import Load
from tests.e2e.timing import wait_until

IDLE_LOOK = 0.1  # seconds between two looks at a server that shall be idle
IDLE_NS = int(IDLE_LOOK * 1e9 / 50)  # what it may still use between them
SETTLES = 60.0  # seconds


@dataclass(frozen=True)
class Setting:
    """What a run is made with: installed programs, programs of the benchmark, sources."""

    prefix: Path
    programs: Path
    sources: Path
    jobs: bool  # `dync` knows -j


class Contestant:
    """Overridden by each. The calls come in this order."""

    def __init__(self, setting: Setting, load: Load, directory: Path) -> None:
        self.setting, self.load, self.directory = setting, load, directory
        self.source = load.source(setting.sources)

    def prepare(self) -> None:
        """All that is not measured."""

    def living(self) -> list[int]:
        """Servers that live before and after."""
        return []

    def receivers(self) -> list[tuple[str, "subprocess.Popen[bytes]"]]:
        """Receivers that already wait and end with the run."""
        return []

    def commands(self) -> list[list[str]]:
        """Clients, all started at once."""
        raise NotImplementedError

    def growing(self) -> Optional[Path]:
        """The file at the receiver whose first new byte counts."""
        return None

    def settle(self) -> None:
        """Waits until servers have done what is left to do."""

    def check(self) -> None:
        """Raises if not all has arrived."""

    def facts(self) -> dict[str, float]:
        return {}

    def finish(self) -> None:
        """Stops what prepare() has started; called in any case."""



def await_idle(pid: int) -> None:
    """A tree of processes has nothing to do any more."""
    def used() -> int:
        return sum(thread.cpu_ns for one in proc.tree(pid) for thread in proc.threads(one).values())

    before = used()

    def idle() -> bool:
        nonlocal before
        time.sleep(IDLE_LOOK)
        now, before_that = used(), before
        before = now
        return now - before_that < IDLE_NS

    wait_until(idle, SETTLES, "the server is idle")


def await_childless(pid: int) -> None:
    wait_until(lambda: not proc.children(pid), SETTLES, "the server has ended its children")


def count_files(directory: Path, size: int) -> int:
    """Files of this size, at any depth."""
    return sum(1 for path in directory.rglob("*.raw") if path.is_file() and path.stat().st_size == size)
