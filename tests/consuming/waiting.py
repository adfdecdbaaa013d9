"""Waiting for something to become true, with a bound."""

import time
from collections.abc import Callable


def until(true: Callable[[], object], *, seconds: float, every: float = 0.02) -> None:
    """Return as soon as `true()` is; raises `TimeoutError` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not true within {seconds} s")
        time.sleep(every)
