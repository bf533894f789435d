"""The named places where a test build can be killed, as the programs' own headers list them."""
from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("receiver", "hasher", "committer", "untar")
POINT = re.compile(r'^inline constexpr char k\w+\[\] =\s*"([\w.]+)";', re.M)


def points_of(program: str) -> list[str]:
    """In the order of an upload's way."""
    found = POINT.findall((ROOT / program / "crash_points.h").read_text())
    assert found, f"{program}/crash_points.h lists no point"
    return found


def all_points() -> list[str]:
    return [point for program in PROGRAMS for point in points_of(program)]


class Tokens:
    """Each token is one death: a process that comes to its point takes it away and kills itself."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        return {"DYNC_CRASH_AT": "*", "DYNC_CRASH_TOKENS": str(self.directory)}

    def lay(self, point: str, number: int = 1) -> None:
        (self.directory / f"{point}.{number}").touch()

    def left(self) -> list[str]:
        return sorted(entry.name for entry in self.directory.iterdir())

    def clear(self) -> None:
        for entry in self.directory.iterdir():
            entry.unlink(missing_ok=True)
