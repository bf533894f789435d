"""One run of one contestant: its clients from start to end, with what all of it costs."""
from __future__ import annotations

import os
import selectors
import subprocess
import threading
import time
from pathlib import Path
from typing import Optional

from tests.bench import disk
from tests.bench.contestant import Contestant
from tests.bench.cost import Run
from tests.bench.meter import Meter
from tests.bench.quartiles import jain

LOOK = 0.001  # seconds
LONGEST = 3600.0  # seconds for any run


class FirstByte(threading.Thread):
    """When a file first grew beyond what it had, in seconds from now."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path, self._size, self._start = path, path.stat().st_size, time.monotonic()
        self._ended = threading.Event()
        self.seconds: Optional[float] = None

    def run(self) -> None:
        while self.seconds is None and not self._ended.wait(LOOK):
            try:
                if self._path.stat().st_size > self._size:
                    self.seconds = time.monotonic() - self._start
            except FileNotFoundError:
                return

    def end(self) -> None:
        self._ended.set()
        if self.is_alive():
            self.join()


class Clients:
    """Programs that are started at once. `ends`: seconds from the first one's start to the end of each. `speeds`: one by
    the seconds that each lived."""

    def __init__(self, meter: Meter, log: Path) -> None:
        self._meter, self._log = meter, log
        self._selector = selectors.DefaultSelector()
        self._start = 0.0
        self._watched = True
        self.ends: list[float] = []
        self.speeds: list[float] = []

    def start(self, contestant: Contestant) -> None:
        self._watched = not contestant.load.clients  # looking at hundreds would be a load by itself
        self._start = time.monotonic()
        for program, receiver in contestant.receivers():
            self._follow("receiver", program, receiver, self._start)
        with open(self._log, "ab") as output:
            for command in contestant.commands():
                began = time.monotonic()
                client = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
                self._follow("sender", Path(command[0]).name, client, began)

    def _follow(self, side: str, program: str, process: "subprocess.Popen[bytes]", began: float) -> None:
        if self._watched:
            self._meter.add(side, process.pid)
        descriptor = os.pidfd_open(process.pid)
        self._selector.register(descriptor, selectors.EVENT_READ, (side, program, process, began))

    def wait(self) -> None:
        """Until all have ended; raises if one failed."""
        failed = []
        while self._selector.get_map():
            if time.monotonic() > self._start + LONGEST:
                raise RuntimeError(f"clients did not end within {LONGEST:g} s: {self._log}")
            for key, _ in self._selector.select(1):
                side, program, process, began = key.data
                now = time.monotonic()
                self._selector.unregister(key.fd)
                os.close(key.fd)
                if self._collect(side, program, process):
                    failed.append(process.args)
                if side == "sender":
                    self.ends.append(now - self._start)
                    self.speeds.append(1 / (now - began))
        if failed:
            raise RuntimeError(f"{len(failed)} failed, such as {failed[0]}: {self._log}")

    def _collect(self, side: str, program: str, process: "subprocess.Popen[bytes]") -> int:
        """Its exit code."""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self._meter.ended(side, program, process.pid, int((used.ru_utime + used.ru_stime) * 1e9))
        return process.returncode

    def kill(self) -> None:
        """Those that still run."""
        for key in list(self._selector.get_map().values()):
            key.data[2].kill()
            key.data[2].wait()
            os.close(key.fd)
        self._selector.close()


def measure(contestant: Contestant) -> Run:
    try:
        contestant.prepare()
        return _measure(contestant)
    finally:
        contestant.finish()


def _measure(contestant: Contestant) -> Run:
    meter = Meter()
    for pid in contestant.living():
        meter.add_living("receiver", pid)
    growing = contestant.growing()
    first = FirstByte(growing) if growing else None
    clients = Clients(meter, contestant.directory / "clients.log")
    try:
        meter.start()
        if first:
            first.start()
        clients.start(contestant)
        clients.wait()
        seconds, before_sync = max(clients.ends), time.monotonic()
        disk.sync(contestant.directory)
        synced = seconds + time.monotonic() - before_sync
        contestant.settle()
    finally:
        clients.kill()
        meter.end()
        if first:
            first.end()
    contestant.check()
    facts = contestant.facts()
    if first and first.seconds is not None:
        facts["first_new_byte_seconds"] = first.seconds
    if contestant.load.clients:
        facts["jain_fairness"] = jain(clients.speeds)
    return Run(seconds, synced, contestant.load.bytes, meter.cost(), facts)
