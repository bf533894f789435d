"""What /proc tells of processes and their threads: CPU time in nanoseconds, memory in bytes."""
from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional

TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True)
class Stat:
    """Of a process or a thread; both times are user and system together. `children_ns`: of those that ended and were
    waited for, with theirs."""

    comm: str
    own_ns: int
    children_ns: int


def parse_stat(text: str) -> Stat:
    """`comm` may hold spaces and parentheses: it ends at the last one."""
    begin, end = text.index("(") + 1, text.rindex(")")
    fields = text[end + 1:].split()  # begins with the third field of proc(5), the state
    utime, stime, cutime, cstime = (int(field) for field in fields[11:15])
    return Stat(text[begin:end], (utime + stime) * TICK_NS, (cutime + cstime) * TICK_NS)


def parse_schedstat(text: str) -> int:
    """Nanoseconds on a CPU: the same sum as in `stat`, without its rounding to ticks."""
    return int(text.split()[0])


@dataclass(frozen=True)
class Thread:
    comm: str
    cpu_ns: int


def read(path: Path) -> Optional[str]:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it has ended
        return None


def process(pid: int) -> Optional[Stat]:
    text = read(PROC / str(pid) / "stat")
    return parse_stat(text) if text else None


def threads(pid: int) -> dict[int, Thread]:
    """Of those that live, by their ids; the first thread has the id of the process."""
    found = {}
    try:
        tids = [int(name) for name in os.listdir(PROC / str(pid) / "task")]
    except OSError:
        return {}
    for tid in tids:
        task = PROC / str(pid) / "task" / str(tid)
        text = read(task / "stat")
        if text:
            stat, precise = parse_stat(text), read(task / "schedstat")
            found[tid] = Thread(stat.comm, parse_schedstat(precise) if precise else stat.own_ns)
    return found


def children(pid: int) -> list[int]:
    try:
        tasks = os.listdir(PROC / str(pid) / "task")
    except OSError:
        return []
    lists = (read(PROC / str(pid) / "task" / task / "children") for task in tasks)
    return [int(child) for text in lists if text for child in text.split()]


def tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for child in children(pid):
        yield from tree(child)


def anonymous_memory(pid: int) -> int:
    """RssAnon in bytes; 0 if the process has ended."""
    return parse_anonymous(read(PROC / str(pid) / "status") or "")


def parse_anonymous(status: str) -> int:
    """A zombie has no such line."""
    found = re.search(r"^RssAnon:\s*(\d+) kB$", status, re.M)
    return int(found.group(1)) * 1024 if found else 0
