"""Deadlines: a test waits for a condition up to ten times what is promised, and prints how long it took."""
from __future__ import annotations

import os
import sys
import time
from typing import Callable, Optional, TypeVar

SANITIZED = bool(os.environ.get("DYNC_SANITIZE"))
SCALE = float(os.environ.get("DYNC_TEST_SCALE") or ("0.1" if SANITIZED else "1"))
PATIENCE = 10  # times the promise

Value = TypeVar("Value")


def scaled(count: int, least: int = 1) -> int:
    """A count or size that sanitizer runs make smaller."""
    return max(least, int(count * SCALE))


def say(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)


def wait_until(condition: Callable[[], Optional[Value]], seconds: float, what: str, pause: float = 0.01) -> Value:
    """The condition's first true value. Fails with `what` when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)


def promise(what: str, promised: float, condition: Callable[[], Optional[Value]]) -> Value:
    """Waits up to ten times `promised` seconds and prints the time that it took."""
    start = time.monotonic()
    value = wait_until(condition, promised * PATIENCE, what)
    say(f"{what}: {time.monotonic() - start:.2f} s (promised {promised:g} s)")
    return value
