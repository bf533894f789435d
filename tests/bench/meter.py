"""CPU time and memory of whole trees of processes while something runs.

Programs that live on are read before and after; what ended is exact by what its parent was told (rusage, or the parent's
children times), and looked at now and then to tell its threads apart.
"""
from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Optional

from tests.bench import proc
from tests.bench.cost import REST, Cost, Owner, Row

INTERVAL = 0.02  # seconds
SHARE = 0.03  # of a core at most goes into looking, however many processes there are


@dataclass
class _Seen:
    """A thread: what it had used when first and last seen."""

    root: int
    row: Row
    first_ns: int
    last_ns: int
    pid: int


class Meter(threading.Thread):
    """add() and ended() are called by the thread that runs the programs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._roots: dict[int, str] = {}  # pid to side
        self._living: dict[int, dict[int, int]] = {}  # root that lives on: children times of its tree before
        self._exact: dict[int, tuple[Owner, int]] = {}
        self._seen: dict[tuple[int, int], _Seen] = {}
        self._memory: dict[Owner, int] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def add_living(self, side: str, pid: int) -> None:
        """A program that has run before and goes on after."""
        with self._lock:
            self._roots[pid] = side
            self._living[pid] = {}
            for one in proc.tree(pid):
                stat = proc.process(one)
                self._living[pid][one] = stat.children_ns if stat else 0
                self._look(pid, one, before=True)

    def add(self, side: str, pid: int) -> None:
        """A program that began with the run."""
        with self._lock:
            self._roots[pid] = side

    def ended(self, side: str, program: str, pid: int, cpu_ns: int) -> None:
        """It has ended and needed this, its children with it. It need not have been added."""
        with self._lock:
            self._roots.pop(pid, None)
            self._exact[pid] = (Owner(side, program), cpu_ns)

    def run(self) -> None:
        pause = INTERVAL
        while not self._stopped.wait(pause):
            start = time.monotonic()
            self._sample()
            pause = max(INTERVAL, (time.monotonic() - start) / SHARE)

    def end(self) -> None:
        """Looks a last time."""
        if not self._stopped.is_set():
            self._stopped.set()
            self.join()
            self._sample()

    def cost(self) -> Cost:
        """After end()."""
        cost = Cost(memory=self._memory)
        for seen in self._seen.values():
            cost.add(seen.row, seen.last_ns - seen.first_ns)
        for pid, (owner, cpu_ns) in self._exact.items():
            cost.add(Row(*owner, REST), cpu_ns - self._of_root(pid))
        for root, before in self._living.items():
            self._add_children(cost, root, before)
        return cost

    # ---- inside ----

    def _sample(self) -> None:
        now: dict[Owner, int] = defaultdict(int)
        with self._lock:
            for root in self._roots:
                for pid in proc.tree(root):
                    owner = self._look(root, pid)
                    if owner:
                        now[owner] += proc.anonymous_memory(pid)
        for owner, size in now.items():
            self._memory[owner] = max(self._memory.get(owner, 0), size)

    def _look(self, root: int, pid: int, before: bool = False) -> Optional[Owner]:
        threads = proc.threads(pid)
        if pid not in threads:
            return None
        owner = Owner(self._roots[root], threads[pid].comm)
        for tid, thread in threads.items():
            row = Row(*owner, "main" if tid == pid else thread.comm)
            seen = self._seen.setdefault((pid, tid), _Seen(root, row, thread.cpu_ns if before else 0, 0, pid))
            seen.row, seen.last_ns = row, thread.cpu_ns  # a name may change: fork, then exec
        return owner

    def _of_root(self, root: int) -> int:
        return sum(seen.last_ns - seen.first_ns for seen in self._seen.values() if seen.root == root)

    def _add_children(self, cost: Cost, root: int, before: dict[int, int]) -> None:
        """What ended below a program that lives on, and was not seen."""
        alive = {pid: stat.children_ns for pid in proc.tree(root) if (stat := proc.process(pid))}
        told = sum(after - before.get(pid, 0) for pid, after in alive.items())
        seen = sum(s.last_ns - s.first_ns for s in self._seen.values() if s.root == root and s.pid not in alive)
        stat = proc.process(root)
        cost.add(Row(self._roots[root], stat.comm if stat else "?", REST), told - seen)
