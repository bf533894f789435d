"""What runs: children by program name, their memory, and what is left over."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator, Optional

PROC = Path("/proc")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


def program(pid: int) -> Optional[str]:
    try:
        return Path(os.readlink(PROC / str(pid) / "exe").removesuffix(" (deleted)")).name
    except OSError:
        return None


def children(pid: int) -> list[int]:
    lists = (_read(task / "children") for task in (PROC / str(pid) / "task").glob("*"))
    return [int(child) for text in lists for child in text.split()]


def workers(server: int, name: str) -> list[int]:
    return [pid for pid in children(server) if program(pid) == name]


def alive(pid: int) -> bool:
    return bool(_read(PROC / str(pid) / "cmdline"))


def all_pids() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def of_home(home: Path) -> list[str]:
    """Every process that was started with this home directory, or names it in its arguments."""
    variable, mention = b"HOME=%s\0" % str(home).encode(), str(home).encode()
    found = []
    for pid in all_pids():
        command = _read(PROC / str(pid) / "cmdline")
        if pid != os.getpid() and command and (mention in command or variable in _read(PROC / str(pid) / "environ")):
            found.append(f"{pid} {command.replace(bytes(1), b' ').decode(errors='replace')}")
    return found


def anonymous_memory(pid: int) -> int:
    """RssAnon in bytes; 0 if the process has ended."""
    for line in _read(PROC / str(pid) / "status").splitlines():
        if line.startswith(b"RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0
