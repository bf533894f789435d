"""Results that nobody measured, for the tests."""
from __future__ import annotations

from typing import Sequence

from tests.bench.comparison import Result, contestants
from tests.bench.cost import Cost, Owner, Row, Run
from tests.bench.loads import MIB, Load

LOAD = Load("single", "one upload of 1 MiB", 1, MIB)


def run(seconds: float, ns_per_byte: int) -> Run:
    """Half of its CPU time is the sender's, and `sync -f` takes a second."""
    cost = Cost(memory={Owner("receiver", "far"): 3 * MIB, Owner("receiver", "side"): MIB, Owner("sender", "near"): MIB})
    cost.add(Row("sender", "near", "main"), ns_per_byte * LOAD.bytes // 2)
    cost.add(Row("receiver", "far", "a|b"), ns_per_byte * LOAD.bytes // 2)
    return Run(seconds, seconds + 1, LOAD.bytes, cost)


def result(dync_seconds: Sequence[float], probes: Sequence[float] = (1e9,)) -> Result:
    """dync needs these seconds and 2 ns a byte, each rival 3 s and 6 ns."""
    rounds = [{name: run(3.0, 6) for name in contestants(LOAD)} | {"dync": run(seconds, 2)} for seconds in dync_seconds]
    return Result(LOAD, rounds, list(probes))
