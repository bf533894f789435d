"""Where results go: a folder of the run, and, if they may be believed, BENCHMARKS.md with its charts."""
from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench import table
from tests.bench.chart import Bar, Panel, svg
from tests.bench.comparison import BARE, DYNC, WITHOUT_SYNC, Result
from tests.bench.cost import Run
from tests.bench.quartiles import quartiles

LEAST_ROUNDS = 7
HEAD = """\
# Benchmarks

Measured by `ops/bench`, in alternating runs of one session: each round lets every program send the same random bytes over
loopback, both ends on one machine, into fresh directories. dync's time ends with a receipt: verified, durable, published,
recorded. scp and rsync check and sync nothing, so `sync -f` is added to their time; without it they stand beside a dync
server whose syncs do nothing. All ssh uses aes128-gcm@openssh.com. Bare libzmq + CURVE is what the transport alone costs:
no file, no checksum. CPU time, user and system of all processes at both ends, decides; seconds depend on the disk. (What
the kernel's own threads need to write back is in nobody's CPU time; dync writes past the page cache and has little of it.)
Memory is the most anonymous memory that was seen; the server's shared slots, 64 MiB, are apart. What has a spread of more
than 30 %, the quartiles' distance by the median, does not get here.
"""


def chart(result: Result) -> str:
    def bars(value: Any, names: list[str]) -> list[Bar]:
        return [Bar(name, quartiles([value(name, run) for run in result.runs(name)]), name == DYNC) for name in names]

    def durable(name: str, run: Run) -> float:
        return run.seconds if name in (DYNC, BARE) else run.synced_seconds

    names = result.contestants
    return svg(result.load.title, [
        Panel("CPU nanoseconds per byte, both ends", bars(lambda _, run: run.ns_per_byte, names)),
        Panel("Seconds until all is on disk", bars(durable, [name for name in names if name not in (WITHOUT_SYNC, BARE)])),
    ])


def write_results(directory: Path, result: Result, jobs: bool) -> None:
    """Table, chart and all numbers, reliable or not."""
    directory.mkdir(parents=True, exist_ok=True)
    name = result.load.name
    (directory / f"{name}.md").write_text(table.section(result, jobs))
    (directory / f"{name}.svg").write_text(chart(result))
    (directory / f"{name}.json").write_text(json.dumps(numbers(result), indent=1) + "\n")


def numbers(result: Result) -> dict[str, Any]:
    def run(one: Run) -> dict[str, Any]:
        return {"seconds": one.seconds, "synced_seconds": one.synced_seconds, "bytes": one.size, "facts": one.facts,
                "cpu_ns": {" / ".join(row): used for row, used in sorted(one.cost.cpu_ns.items())},
                "anonymous_bytes": {" / ".join(owner): most for owner, most in sorted(one.cost.memory.items())}}

    return {"load": asdict(result.load), "probes_bytes_per_second": list(result.probes), "doubts": result.doubts,
            "rounds": [{name: run(one) for name, one in round_.items()} for round_ in result.rounds]}


def publish(document: Path, charts: Path, result: Result, jobs: bool, machine: str) -> bool:
    """Puts the section into the document in place of an older one, unless it is unreliable or has too few rounds."""
    if result.doubts or len(result.rounds) < LEAST_ROUNDS:
        return False
    name = result.load.name
    charts.mkdir(parents=True, exist_ok=True)
    (charts / f"{name}.svg").write_text(chart(result))
    heading, _, rest = table.section(result, jobs).partition("\n")
    link = (charts / f"{name}.svg").relative_to(document.parent)
    text = f"{heading}\n\n![{result.load.title}]({link})\n\n{machine}\n{rest}"
    before = document.read_text() if document.exists() else HEAD
    document.write_text(replaced(before, name, text))
    return True


def replaced(document: str, name: str, text: str) -> str:
    """The document with this text between the marks of `name`, which are added at its end if they are missing."""
    begin, end = f"<!-- bench: {name} -->", f"<!-- end of {name} -->"
    block = f"{begin}\n{text.strip()}\n{end}"
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.S)
    if marked.search(document):
        return marked.sub(lambda _: block, document, count=1)
    return f"{document.rstrip()}\n\n{block}\n"
