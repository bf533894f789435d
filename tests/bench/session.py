"""Alternating rounds of all contestants, one load after another."""
from __future__ import annotations

import shutil
from pathlib import Path

from tests.bench import disk, ours, rivals
from tests.bench.comparison import BARE, DYNC, RSYNC, SCP, WITHOUT_SYNC, Result, Round, contestants
from tests.bench.contestant import Contestant, Setting
from tests.bench.cost import Run
from tests.bench.loads import Load, make_source
from tests.bench.measure import measure
from tests.bench.ssh_server import SshServer

BLOCK = 4096  # bytes: what a small file takes
FILES_OF_AN_UPLOAD = 6  # its directory, sidecars and marker beside the data


def say(text: str) -> None:
    print(text, flush=True)


class Session:
    """Everything below `directory`, which must not exist. `probe`: bytes that the probe of the disk writes."""

    def __init__(self, setting: Setting, directory: Path, rounds: int, probe: int) -> None:
        self._setting, self._directory, self._rounds, self._probe = setting, directory, rounds, probe
        self._ssh = SshServer(directory / "ssh")

    def run(self, load: Load) -> Result:
        say(f"==== {load.title}, {self._rounds} rounds")
        place = self._directory / load.name
        place.mkdir()
        self._check_room(load)
        make_source(load, self._setting.sources)
        rounds: list[Round] = []
        probes: list[float] = []
        for number in range(self._rounds):
            probes.append(disk.probe(place / "probes", self._probe))
            say(f"round {number + 1}: disk {probes[-1] / 1e6:.0f} MB/s")
            rounds.append(self._round(load, place, number))
        if load.count == 1:  # to remove thousands of files would make the file system slow for minutes
            shutil.rmtree(place)
        return Result(load, rounds, probes)

    def _round(self, load: Load, place: Path, number: int) -> Round:
        """Each round begins with another one, so that none always runs after the same."""
        names = contestants(load)
        turn = number % len(names)
        runs = {}
        for name in names[turn:] + names[:turn]:
            runs[name] = measure(self._contestant(name, load, place / f"{number}-{name.replace(' ', '-')}"))
            say(f"  {name:20}{told(runs[name])}")
        return runs

    def _contestant(self, name: str, load: Load, directory: Path) -> Contestant:
        directory.mkdir()
        if name == SCP:
            return rivals.Scp(self._setting, load, directory, self._ssh)
        if name == RSYNC:
            return rivals.Rsync(self._setting, load, directory, self._ssh)
        kinds: dict[str, type[Contestant]] = {DYNC: ours.Dync, WITHOUT_SYNC: ours.DyncWithoutSync, BARE: rivals.Bare}
        return kinds[name](self._setting, load, directory)

    def _check_room(self, load: Load) -> None:
        each = max(load.size, BLOCK) + FILES_OF_AN_UPLOAD * BLOCK
        needed = self._rounds * (4 * load.count * each + self._probe) + load.bytes
        free = disk.free(self._directory)
        if needed > free * 0.9:
            raise RuntimeError(f"{load.title}: {needed >> 30} GiB are needed and {free >> 30} GiB are free; "
                               "give another --directory, or --only some")

    def close(self) -> None:
        self._ssh.stop()


def told(run: Run) -> str:
    facts = "".join(f", {name.replace('_', ' ')} {value:.3g}" for name, value in run.facts.items())
    return (f"{run.seconds:8.2f} s, with sync -f {run.synced_seconds:8.2f} s, {run.size / 1e6 / run.seconds:7.1f} MB/s, "
            f"{run.ns_per_byte:8.2f} CPU ns/byte{facts}")

