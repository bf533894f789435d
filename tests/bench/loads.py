"""What is sent: random bytes, which nothing can compress. Sources are made once and read from the page cache."""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
LANES = 8  # at once, where many files are sent
ORDER = ("single", "resume", "middle", "crowd", "small")  # the most files last


@dataclass(frozen=True)
class Load:
    """`count` files of `size` bytes. `clients`: each file by a client of its own, all at once. `resumed_at`: what part
    of the file is there before."""

    name: str
    title: str
    count: int
    size: int
    clients: bool = False
    resumed_at: float = 0.0

    @property
    def bytes(self) -> int:
        return self.count * self.size

    @property
    def names(self) -> list[str]:
        return [f"run{number:05}.raw" for number in range(self.count)]

    @property
    def many(self) -> bool:
        return self.count > 1 and not self.clients

    def source(self, sources: Path) -> Path:
        """A directory with the files, or the one file that all clients send."""
        return sources / (f"{self.count}x{self.size}" if self.many else f"{self.size}.raw")


def loads(quick: bool) -> dict[str, Load]:
    if quick:
        each = [
            Load("single", "one upload of 64 MiB", 1, 64 * MIB),
            Load("small", "200 files of 4 KiB", 200, 4 * KIB),
            Load("middle", "16 files of 4 MiB", 16, 4 * MIB),
            Load("crowd", "20 clients at once, 1 MiB each", 20, MIB, clients=True),
            Load("resume", "an upload of 256 MiB goes on at 90 %", 1, 256 * MIB, resumed_at=0.9),
        ]
    else:
        each = [
            Load("single", "one upload of 2 GiB", 1, 2 * GIB),
            Load("small", "10,000 files of 4 KiB", 10000, 4 * KIB),
            Load("middle", "64 files of 16 MiB", 64, 16 * MIB),
            Load("crowd", "500 clients at once, 1 MiB each", 500, MIB, clients=True),
            Load("resume", "an upload of 2 GiB goes on at 99 %", 1, 2 * GIB, resumed_at=0.99),
        ]
    return {load.name: load for load in sorted(each, key=lambda load: ORDER.index(load.name))}


def make_source(load: Load, sources: Path) -> None:
    place = load.source(sources)
    if place.exists():
        return
    if load.many:
        place.mkdir(parents=True)
        for name in load.names:
            write_random(place / name, load.size)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_random(place, load.size)
    os.sync()


def write_random(path: Path, size: int) -> None:
    with open(path, "wb") as file:
        while size > 0:
            size -= file.write(os.urandom(min(size, 4 * MIB)))
