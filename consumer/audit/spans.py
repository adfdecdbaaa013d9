"""Cuts the time to be audited into spans of a bounded number of rows. Pure."""

from datetime import datetime, timedelta

import msgspec

MOST_ROWS = 50_000
"""Rows in one statement: some seconds of work at most."""

_SHORTEST = timedelta(milliseconds=1)
_LONGEST = timedelta(days=1)


class Span(msgspec.Struct, frozen=True):
    """Rows with `start <= applied_at < end`."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


def first_span(start: datetime, target: datetime) -> Span:
    """A minute, or what there is."""
    return Span(start, min(target, start + timedelta(minutes=1)))


def too_many(span: Span, rows: int) -> bool:
    """Whether the span is to be halved before its rows are looked at."""
    return rows > MOST_ROWS and span.length > _SHORTEST


def halved(span: Span) -> Span:
    """Its first half."""
    return Span(span.start, span.start + span.length / 2)


def following(span: Span, rows: int, target: datetime) -> Span:
    """The next span: twice as long after few rows, as long after many."""
    length = span.length * 2 if rows < MOST_ROWS // 2 else span.length
    length = min(max(length, _SHORTEST), _LONGEST)
    return Span(span.end, min(target, span.end + length))
