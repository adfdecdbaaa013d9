"""The breaker: stops the stream while the database is down, and tries with little first.

    CLOSED ──(nothing finished and attempts fail; or half of them in two periods;──► OPEN
       ▲      or the proxy does not reach the database)                              │  ▲
       │                                                             (its wait is over,  │
       │                                                       and the proxy reaches it) │
       │                                                                             ▼  │
       └──(events are finished, hardly anything fails)── HALF_OPEN ──(attempts fail)────┘
                                                                      the wait doubles

Open means that the event source mapping is disabled: Lambda ends what it has begun and keeps its
position (Lambda API reference, UpdateEventSourceMapping, `Enabled`), so nothing is lost, parked or
reordered, and the stream is the buffer. Half-open means one batch per shard at a time, and small
ones. One bad period is not enough where something was finished in it: a failover of half a minute
is over sooner than a mapping that was disabled is enabled again.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from controller.observation import Minute

FIRST_WAIT = 1
LONGEST_WAIT = 5
"""Periods in the open state, doubling from the first to the longest."""

_ENOUGH = 5
"""Failures without which a period says nothing."""

_MOSTLY = 0.5
_HARDLY = 0.1


class Phase(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """The phase, since when (seconds since 1970), and the wait of the next opening in periods."""

    phase: Phase = Phase.CLOSED
    since: float = 0.0
    wait: int = FIRST_WAIT


def advance(
    breaker: Breaker, minutes: Sequence[Minute], at: float, period: float
) -> tuple[Breaker, str]:
    """The breaker after these minutes, and why it moved; "" where it did not."""
    match breaker.phase:
        case Phase.CLOSED:
            why = _down([m for m in minutes if m.at >= breaker.since and not m.is_silent], period)
            return (
                (Breaker(phase=Phase.OPEN, since=at, wait=breaker.wait), why)
                if why
                else same(breaker)
            )
        case Phase.OPEN:
            return _half_open(breaker, minutes, at, period)
        case Phase.HALF_OPEN:
            return _settle(breaker, minutes, at, period)


def same(breaker: Breaker) -> tuple[Breaker, str]:
    return breaker, ""


def _down(minutes: Sequence[Minute], period: float) -> str:
    """Why the database is down, by the newest periods that say anything; "" where it is not."""
    if not minutes:
        return ""
    last = minutes[-1]
    failed = last.failures + last.refused
    if last.available is False and last.events == 0:
        return "the proxy does not reach the database"
    if last.events == 0 and failed >= _ENOUGH:
        return f"nothing was finished and {failed:.0f} attempts failed"
    in_a_row = len(minutes) > 1 and last.at - minutes[-2].at < 1.5 * period
    if in_a_row and all(
        m.failing >= _MOSTLY and m.failures + m.refused >= _ENOUGH for m in minutes[-2:]
    ):
        return f"{last.failing:.0%} of the attempts failed, for the second period"
    return ""


def _half_open(
    breaker: Breaker, minutes: Sequence[Minute], at: float, period: float
) -> tuple[Breaker, str]:
    if at - breaker.since < breaker.wait * period - period / 4:  # a schedule is never exact
        return same(breaker)
    if minutes and minutes[-1].available is False:
        return same(breaker)
    wait = min(2 * breaker.wait, LONGEST_WAIT)
    tried = Breaker(phase=Phase.HALF_OPEN, since=at, wait=wait)
    return tried, f"{breaker.wait} periods were waited: trying with little"


def _settle(
    breaker: Breaker, minutes: Sequence[Minute], at: float, period: float
) -> tuple[Breaker, str]:
    """Success counts from the period in which the trial began, since an open breaker lets none
    through; failures only from the next, since those of before it opened may still come in.
    """
    for minute in minutes:
        if minute.at + period > breaker.since and minute.events > 0 and minute.failing < _HARDLY:
            return Breaker(
                since=at
            ), f"{minute.events:,.0f} events were finished: the database is back"
    whole = [m for m in minutes if m.at >= breaker.since]
    if any(m.failing >= _MOSTLY and m.failures + m.refused > 0 for m in whole):
        opened = Breaker(phase=Phase.OPEN, since=at, wait=breaker.wait)
        return opened, f"it still fails: again in {breaker.wait} periods"
    return same(breaker)
