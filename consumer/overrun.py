"""Ends a process whose projection runs on for ever, long before Lambda would.

The projection's own code takes milliseconds between two questions to the database. Where it has
neither come back nor asked anything for `PROJECTION_SECONDS`, it never will: the process ends
itself, which is a death like any other (`consumer.apart`), but costs seconds and not the function's
time-out. Waiting for the database is not the projection's own time, however long: that is
`consumer.watchdog`'s matter, and an outage.

A loop that asks the database each time round uses up no time of its own. It is told from an outage
by being answered: where one call of the projection has lasted as long, and has had `QUESTIONS`
answers meanwhile, it *pesters*. For a whole batch, row by row, that may be no more than slow: so an
invocation lets it go on until it has to be cut anyway, and only then dies of it. In a process
apart, which takes the orders one by one in the end, it is a death at once.

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
from typing import Any, NoReturn, Protocol

from psycopg import Cursor

from consumer.projection import Projection
from contract import Event

log = logging.getLogger(__name__)

TICK = 0.2
"""Seconds between two looks."""

QUESTIONS = 1_000
"""More answers than this to one call that lasts `PROJECTION_SECONDS` are too many: a call is
meant to be set-based, a handful of questions however many orders there are.
"""

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
    """A projection, and whether it runs: `calls` is odd while it does."""

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
    """Counts the looks at which the projection's own code was found where it was before.

    `apart`: nothing is lost by ending early what pesters the database.
    """

    def __init__(
        self, watched: Watched, database: Asked, longest: float, *, apart: bool = False
    ) -> None:
        self._watched = watched
        self._database = database
        self._longest = longest
        self._apart = apart
        self._seen = (0, 0)
        self._looks = 0
        self._looks_in_call = 0
        self._asked_before = 0

    def arm(self) -> None:
        """Wind up the alarm, once more."""
        faulthandler.dump_traceback_later(self._longest + 2 * TICK, exit=True, file=STANDARD_ERROR)

    def look(self) -> None:
        """To be called every `TICK` seconds; does not return from an overrun."""
        self.arm()
        self._count()
        if self._stands_still():
            self._end("without coming back or asking the database")
        if self._apart:
            self.end_if_pestering()

    def end_if_pestering(self) -> None:
        """Does not return where one call of the projection asks and asks; as of the last look."""
        if self._pesters():
            self._end(f"in one call, and has asked the database more than {QUESTIONS:,} times")

    def disarm(self) -> None:
        """The work has ended, and nobody looks any more."""
        faulthandler.cancel_dump_traceback_later()

    def _count(self) -> None:
        seen = self._watched.calls, self._database.asked
        if seen[0] != self._seen[0]:
            self._looks_in_call = 0
            self._asked_before = seen[1]
        elif seen[0] % 2 == 1:
            self._looks_in_call += 1
        runs = seen[0] % 2 == 1 and seen[1] % 2 == 0
        self._looks = self._looks + 1 if runs and seen == self._seen else 0
        self._seen = seen

    def _stands_still(self) -> bool:
        return self._looks * TICK >= self._longest

    def _pesters(self) -> bool:
        answered = (self._seen[1] - self._asked_before) // 2
        return self._looks_in_call * TICK >= self._longest and answered >= QUESTIONS

    def _end(self, how: str) -> NoReturn:
        log.error(
            "the projection %s has run for %.1f s %s: this process ends",
            self._watched.called,
            self._longest,
            how,
        )
        os._exit(EXIT_STATUS)
