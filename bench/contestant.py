"""A way of doing the work, alive in a process of its own.

The process is told which turn it is, prepares what that turn is given outside the clock, does the
work on the clock, and says how long it took. Between its turns it does nothing, so that whoever's
turn it is has the machine.
"""

import os
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec

from contract import InorderError


class Contestant(Protocol):
    """What an `Entry` starts in its process."""

    def prepare(self, turn: int) -> Any:
        """What turn number `turn` (0, 1, 2 …) is given; not on the clock."""
        ...

    def work(self, given: Any, /) -> int:
        """Do it, on the clock; how many events that were."""
        ...


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A contestant to be started: a module's function and its keyword arguments, all picklable.

    `turns` is how many of a race's turns it takes part in, spread evenly, all if None: for those
    so slow that a few turns tell enough.
    """

    name: str
    start: Callable[..., AbstractContextManager[Contestant]]
    given: dict[str, Any] = {}
    turns: int | None = None


class Lap(msgspec.Struct, frozen=True):
    """One turn of one contestant: events, seconds on the clock, seconds of its processor time."""

    events: int
    seconds: float
    cpu_seconds: float


class ContestantFailed(InorderError):
    """A contestant raised: a benchmark of something that does not work measures nothing."""


class Started:
    """A contestant's process, from here."""

    def __init__(self, entry: Entry) -> None:
        self.name = entry.name
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(entry, theirs))
        self._process.start()
        theirs.close()

    def turn(self, number: int) -> Lap:
        """Let it take one turn; raises `ContestantFailed` with what it raised."""
        try:
            self._pipe.send(number)
            answer = self._pipe.recv()
        except (EOFError, OSError):
            answer = f"its process ended with exit code {self._process.exitcode}"
        if isinstance(answer, Lap):
            return answer
        raise ContestantFailed(f"{self.name}, turn {number}:\n{answer}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe.close()  # which ends it
        self._process.join(timeout=30)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(entry: Entry, pipe: Connection) -> None:
    """The process: what contestants print (metrics, log lines) goes nowhere, and is paid for."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        with entry.start(**entry.given) as contestant:
            while True:
                pipe.send(_lap(contestant, pipe.recv()))
    except (EOFError, KeyboardInterrupt):
        return
    except BaseException:  # noqa: BLE001 - whatever it is, the race has to hear of it
        pipe.send(traceback.format_exc())


def _lap(contestant: Contestant, turn: int) -> Lap:
    given = contestant.prepare(turn)
    cpu, clock = time.process_time(), time.perf_counter()
    events = contestant.work(given)
    seconds = time.perf_counter() - clock
    return Lap(events, seconds, time.process_time() - cpu)
