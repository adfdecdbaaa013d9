"""Ends a process whose projection runs on for ever, long before Lambda would.

The projection's own code takes milliseconds between two questions to the database. Where it has
neither come back nor asked anything for `PROJECTION_SECONDS`, it never will: the process ends
itself, which is a death like any other (`consumer.apart`), but costs seconds and not the function's
time-out. Waiting for the database is not the projection's own time, however long: that is
`consumer.watchdog`'s matter, and an outage.

Two clocks are needed. A thread looks every fifth of a second, and counts only times at which it
looked: a process that was stopped and goes on has not used up anything. Code that never lets go of
the interpreter (a regular expression that backtracks for ever) lets no thread look: for that the
thread winds up an alarm in C each time (`faulthandler.dump_traceback_later`, which needs no
interpreter, and says where the code hangs).
"""

import faulthandler
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from psycopg import Cursor

from consumer.projection import Projection
from contract import Event

log = logging.getLogger(__name__)

TICK = 0.2
"""Seconds between two looks."""

EXIT_STATUS = 87
STANDARD_ERROR = 2


class Asked(Protocol):
    """What `consumer.database.Database` is to this module."""

    @property
    def asked(self) -> int:
        """Grows by one with every question to the server and with every answer: odd while it waits
        for one.
        """
        ...


class Watched:
    """A projection, and whether its own code runs: `calls` is odd while it does."""

    def __init__(self, projection: Projection[Any]) -> None:
        self._projection = projection
        self.called = type(projection).__name__
        self.calls = 0

    def load(self, cursor: Cursor[Any], order_ids: Sequence[str]) -> Mapping[str, Any]:
        self.calls += 1
        try:
            return self._projection.load(cursor, order_ids)
        finally:
            self.calls += 1

    def apply(self, state: Any, event: Event) -> Any:
        self.calls += 1
        try:
            return self._projection.apply(state, event)
        finally:
            self.calls += 1

    def save(self, cursor: Cursor[Any], states: Mapping[str, Any]) -> None:
        self.calls += 1
        try:
            self._projection.save(cursor, states)
        finally:
            self.calls += 1


class Overrun:
    """Counts the looks at which the projection's own code was found where it was before."""

    def __init__(self, watched: Watched, database: Asked, longest: float) -> None:
        self._watched = watched
        self._database = database
        self._longest = longest
        self._seen = (0, 0)
        self._looks = 0

    def arm(self) -> None:
        """Wind up the alarm, once more."""
        faulthandler.dump_traceback_later(self._longest + 2 * TICK, exit=True, file=STANDARD_ERROR)

    def look(self) -> None:
        """To be called every `TICK` seconds; does not return from an overrun."""
        self.arm()
        if self.over():
            log.error(
                "the projection %s has run for %.1f s without coming back or asking the database: "
                "this process ends",
                self._watched.called,
                self._longest,
            )
            os._exit(EXIT_STATUS)

    def over(self) -> bool:
        """Whether it has run for too long, by the looks so far and this one."""
        seen = self._watched.calls, self._database.asked
        runs = seen[0] % 2 == 1 and seen[1] % 2 == 0
        self._looks = self._looks + 1 if runs and seen == self._seen else 0
        self._seen = seen
        return self._looks * TICK >= self._longest

    def disarm(self) -> None:
        """The work has ended, and nobody looks any more."""
        faulthandler.cancel_dump_traceback_later()
