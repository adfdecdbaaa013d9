"""One run of the audit: what is new, what waits, some of what is old. See the package for why."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import msgspec

from consumer.audit.findings import Audit
from consumer.audit.spans import first_span, following, halved, too_many
from consumer.audit.tables import MOST_SUSPECTS, Progress, Tables

_PAGE = 500
_OVERLAP = timedelta(seconds=10)
"""How far the clock of a new writer may be behind the old one's."""

_POLL_SECONDS = 0.05


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is to look at. `sweep` is how many orders it audits whole, however old; `full`
    all of them. `settle_seconds` is how long it waits for transactions that run just now.
    """

    sweep: int = 5_000
    full: bool = False
    settle_seconds: float = 5.0


OnProgress = Callable[[str, int], None]
"""Told what is looked at, and how many more rows or orders of it are done."""


class Auditor:
    """Audits the tables. `in_time` says whether there is time for another statement."""

    def __init__(
        self,
        tables: Tables,
        in_time: Callable[[], bool] = lambda: True,
        on_progress: OnProgress = lambda _what, _count: None,
    ) -> None:
        self._tables = tables
        self._in_time = in_time
        self._on_progress = on_progress
        self._suspects: set[str] = set()
        self._rows = 0
        self._orders = 0
        self._finished = True

    def run(self, scope: Scope | None = None) -> Audit:
        """Audit what the scope says, as far as the time allows; raises `psycopg.Error`."""
        wanted = scope or Scope()
        tables = self._tables
        self._what_is_new(wanted.settle_seconds)
        self._pages("waiting orders", tables.orders_waiting, tables.suspects_waiting)
        self._sweep(wanted)
        suspects = self._suspects.union(tables.known_suspects())
        looked_at = set(sorted(suspects)[:MOST_SUSPECTS])
        faults = tables.faults(looked_at)
        sound = looked_at - {fault.order_id for fault in faults}
        tables.remember(suspects - sound, sound)
        progress = tables.progress()
        return Audit(
            rows=self._rows,
            orders=self._orders,
            faults=tuple(faults),
            waiting=tables.waiting(),
            audited_to=progress.audited_to,
            lag_seconds=(progress.now - progress.audited_to).total_seconds(),
            finished=self._finished,
        )

    def _what_is_new(self, settle_seconds: float) -> None:
        tables = self._tables
        start = tables.progress().audited_to - _OVERLAP
        target = self._target(settle_seconds)
        if target is None or target <= start:
            return
        span = first_span(start, target)
        while span.start < span.end:
            if not self._time_left():
                return
            rows = tables.rows_in(span)
            if too_many(span, rows):
                span = halved(span)
                continue
            if rows:
                self._suspects.update(tables.suspects_in(span))
            tables.audited(span.end)
            self._rows += rows
            self._on_progress("new rows", rows)
            span = following(span, rows, target)

    def _target(self, settle_seconds: float) -> datetime | None:
        """The latest time before which every row is there to be seen; None if there is none."""
        before = self._tables.progress()
        if before.settled or before.unusable:
            self._tables.mark(before.now)
        now = self._settled(settle_seconds)
        if now.settled:
            return now.marked_at
        return before.marked_at if before.settled else None

    def _settled(self, seconds: float) -> Progress:
        """The progress, once whatever ran at the mark is over, or after these seconds."""
        deadline = time.monotonic() + seconds
        while True:
            progress = self._tables.progress()
            if progress.settled or time.monotonic() > deadline or not self._in_time():
                return progress
            time.sleep(_POLL_SECONDS)

    def _sweep(self, scope: Scope) -> None:
        tables = self._tables
        if scope.full:
            self._pages("orders", tables.orders, tables.suspects_among)
            return
        left, after = scope.sweep, tables.progress().swept_to
        while left > 0 and self._time_left():
            page = tables.orders(after, min(_PAGE, left))
            self._look_at("orders", page, tables.suspects_among)
            left -= len(page)
            after = page[-1] if page else ""
            tables.swept(after)
            if len(page) < _PAGE:
                return

    def _pages(
        self,
        what: str,
        page_after: Callable[[str, int], list[str]],
        suspects: Callable[[list[str]], list[str]],
    ) -> None:
        for page in self._in_pages(page_after):
            self._look_at(what, page, suspects)

    def _in_pages(self, page_after: Callable[[str, int], list[str]]) -> Iterator[list[str]]:
        after = ""
        while self._time_left():
            page = page_after(after, _PAGE)
            if page:
                yield page
            if len(page) < _PAGE:
                return
            after = page[-1]

    def _look_at(
        self, what: str, page: list[str], suspects: Callable[[list[str]], list[str]]
    ) -> None:
        if page:
            self._suspects.update(suspects(page))
            self._orders += len(page)
            self._on_progress(what, len(page))

    def _time_left(self) -> bool:
        self._finished = self._finished and self._in_time()
        return self._finished
