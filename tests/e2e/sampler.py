"""How much memory processes need while something runs."""
from __future__ import annotations

import threading

from tests.e2e import processes

MIB = 1024 * 1024


class Sampler(threading.Thread):
    """The most anonymous memory that each of these processes ever had."""

    def __init__(self, pids: dict[str, int]) -> None:
        super().__init__(daemon=True)
        self._pids = pids
        self._ended = threading.Event()
        self.most = {name: 0 for name in pids}
        self.samples = 0

    def run(self) -> None:
        while not self._ended.wait(0.01):
            self.samples += 1
            for name, pid in self._pids.items():
                self.most[name] = max(self.most[name], processes.anonymous_memory(pid))

    def end(self) -> None:
        self._ended.set()
        self.join()

    def __str__(self) -> str:
        return ", ".join(f"{name} {most / MIB:.1f} MiB" for name, most in self.most.items())
