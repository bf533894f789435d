"""Markdown of a result."""
from __future__ import annotations

from typing import Callable, Optional, Sequence

from tests.bench.comparison import DYNC, Result
from tests.bench.cost import Row, Run
from tests.bench.loads import LANES, MIB
from tests.bench.quartiles import Quartiles, quartiles

LEAST_NS = 0.005  # per byte; smaller threads share one row


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """The first `words` columns hold words, the others numbers."""
    marks = ["---"] * words + ["---:"] * (len(head) - words)
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in (head, marks, *rows))


def three(values: Quartiles, digits: int = 2) -> str:
    return f"{values.median:.{digits}f} ({values.low:.{digits}f}–{values.high:.{digits}f})"


def section(result: Result, jobs: bool) -> str:
    """Everything about one load: `jobs` tells whether one dync sent many files, or several side by side. MiB are of anonymous
    memory."""
    parts = [f"## {result.load.title[0].upper()}{result.load.title[1:]}\n", f"{how(result, jobs)}\n"]
    if result.doubts:
        parts.append("**Unreliable:** " + "; ".join(result.doubts) + ".\n")
    parts += [contestants(result), ratios(result), threads(result)]
    return "\n".join(part for part in parts if part)


def how(result: Result, jobs: bool) -> str:
    speed = Quartiles(*(bytes_ / 1e6 for bytes_ in (result.probe.low, result.probe.median, result.probe.high)))
    rounds = "one round" if len(result.rounds) == 1 else f"{len(result.rounds)} rounds"
    texts = [f"Of {rounds}. A probe of the disk before each wrote and synced {three(speed, 0)} MB/s."]
    if result.load.many:
        lanes = min(LANES, result.load.count)
        texts.append(f"dync: `dync -j {LANES}`." if jobs else f"dync: {lanes} `dync` side by side, since it has no `-j`.")
        texts.append("scp and rsync: one command for the directory.")
    if result.load.clients:
        texts.append("Each file by a client of its own, all started at once.")
    if result.load.resumed_at:
        texts.append("scp can't resume and sends all again; rsync has `--append-verify`. CPU is per byte of the whole file.")
    return " ".join(texts)


def contestants(result: Result) -> str:
    facts = sorted({name for round_ in result.rounds for run in round_.values() for name in run.facts})
    by_file = ["files/s", "CPU µs/file"] if result.load.count > 1 else []
    head = ["median (quartiles)", "s", "s with sync -f", "MB/s", "CPU ns/byte", *by_file, "receiver's MiB", "sender's MiB",
            *(name.replace("_", " ") for name in facts)]
    rows = [_contestant(name, result.runs(name), result.load.count, facts) for name in result.contestants]
    return table(head, rows)


def _contestant(name: str, runs: Sequence[Run], files: int, facts: Sequence[str]) -> list[str]:
    def of(value: Callable[[Run], Optional[float]], digits: int = 2) -> str:
        values = [number for run in runs if (number := value(run)) is not None]
        return three(quartiles(values), digits) if values else "–"

    def memory(side: str) -> str:
        return of(lambda run: size / MIB if (size := run.memory(side)) is not None else None, 1)

    synced = of(lambda run: run.synced_seconds) if not name.startswith(DYNC) else "–"
    by_file = []
    if files > 1:
        by_file = [of(lambda run: files / run.seconds, 0), of(lambda run: run.cost.total_ns / 1e3 / files, 0)]
    known = [of(lambda run, fact=fact: run.facts.get(fact)) for fact in facts]  # type: ignore[misc]
    return [name, of(lambda run: run.seconds), synced, of(lambda run: run.size / 1e6 / run.seconds, 0),
            of(lambda run: run.ns_per_byte), *by_file, memory("receiver"), memory("sender"), *known]


def ratios(result: Result) -> str:
    return table(["above 1: the second is better", "by CPU per byte", "by seconds"],
                 [[ratio.comparison.title, three(ratio.cpu), three(ratio.seconds)] for ratio in result.ratios])


def threads(result: Result) -> str:
    """The median of each thread's CPU time per byte, of all contestants."""
    rows = []
    for name in result.contestants:
        runs = result.runs(name)
        kept, small = [], 0.0
        for row in sorted({row for run in runs for row in run.cost.cpu_ns}):
            each = quartiles([run.cost.cpu_ns.get(row, 0) / run.size for run in runs]).median
            if each >= LEAST_NS:
                kept.append((row, each))
            else:
                small += each
        rows += [_thread(name, row, each) for row, each in kept]
        if small:
            rows.append([name, "", "", "all others", f"{small:.3f}"])
    return table(["contestant", "side", "process", "thread", "CPU ns/byte"], rows, words=4)


def _thread(name: str, row: Row, each: float) -> list[str]:
    return [name, row.side, row.process, row.thread, f"{each:.3f}"]
