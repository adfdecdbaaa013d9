"""Where a decision stands: the level in use, what is known, which periods may be judged. Pure.

A *ripe* period is one whose sums are complete: its throughput can be compared. A *fresh* one may
still be coming in, so that only its ratios count (milliseconds per row, invocations' time per
event), but it is a period earlier. Under a backlog every slot is at work all the time, so by
Little's law ratios say what is done as well: so many slots, over the time that an event takes of
one. What it takes outside of the function (polling, invoking) is known from ripe periods and does
not change with the database.
"""

import msgspec
from msgspec.structs import replace

from controller.bounds import Bounds
from controller.levels import CLEAR, Level, Levels
from controller.observation import Minute, Observation
from controller.state import State

_LONG_PERIODS = 4
"""Periods with a backlog, and a fifth one, keep every slot busy."""

_LATELY_PERIODS = 4
"""A level that was in use no longer ago is in use still."""

_AS_BUSY, _ABOUT_AS_BUSY = 0.85, 0.6
"""Of the slots' time: how busy they are under a backlog, at a known level and at another."""

_TOO_BUSY = 1.15
"""Times the slots of a level: with more at work, a period was in part at a higher one."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule came to: the level for the next period, why, and what to remember."""

    to: int
    why: str
    state: State


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """`steps` are the levels there are, rising; `here` is the one in use."""

    state: State
    seen: Observation
    bounds: Bounds
    steps: tuple[int, ...]
    here: int

    # ---------------------------------------------------------------- which periods count

    def fresh(self) -> Minute | None:
        """The newest period not judged yet that says anything.

        After a raise half a period at the new level will do: the other half can only make it look
        better than it is, and nothing but bad news is taken from a fresh one.
        """
        half = self.bounds.period / 2 if self.state.raised else 0.0
        return self._newest(self.state.settled - half, 0.0)

    def is_whole(self, minute: Minute) -> bool:
        """Whether all of a period was at this level. An update may take longer than it should:
        then more was at work than this level has slots.
        """
        settled = self.state.settled
        lately = minute.at < settled + _LATELY_PERIODS * self.bounds.period
        is_too_busy = _at_work(minute, self.bounds.period) > _TOO_BUSY * self.here
        return minute.at >= settled and not (lately and is_too_busy)

    def ripe(self) -> Minute | None:
        """The newest such period that was whole at this level, and whose sums are complete."""
        newest = self._newest(self.state.settled, self.bounds.ripe)
        return newest if newest is not None and self.is_whole(newest) else None

    def _newest(self, since: float, aged: float) -> Minute | None:
        until = self.seen.at - self.bounds.period - aged
        if self.state.judged > 0:
            since = max(since, self.state.judged + self.bounds.period / 2)
        found = [m for m in self.seen.minutes if since <= m.at <= until and not m.is_silent]
        return found[-1] if found else None

    def around(self, at: float) -> Minute | None:
        """The period that `at` lies in."""
        inside = (m for m in self.seen.minutes if m.at <= at < m.at + self.bounds.period)
        return next(inside, None)

    # ---------------------------------------------------------------- what a period says

    def is_behind(self, minute: Minute) -> bool:
        """Whether there was a backlog, and something was done."""
        age = minute.iterator_age_ms or 0.0
        return age >= self.bounds.backlog_ms and minute.service_ms is not None

    def level(self, minute: Minute) -> Level:
        """What was done at this level in a ripe period: by the sums, or by the ratios where these
        promise more, since then some of the sums are missing still.
        """
        by_sums, by_ratios = self._by_sums(minute), self.level_by_ratios(minute)
        return by_ratios if by_ratios.throughput > by_sums.throughput else by_sums

    def _by_sums(self, minute: Minute) -> Level:
        return Level(
            concurrency=self.here,
            throughput=minute.events / self.bounds.period,
            service_ms=minute.service_ms or 0.0,
            busy=_at_work(minute, self.bounds.period),
            minutes=1,
            at=minute.at,
            usual_ms=minute.service_ms or 0.0,
        )

    def level_by_ratios(self, minute: Minute) -> Level:
        """The same by Little's law, for a period with a backlog whose sums may be incomplete."""
        level, near = self._by_sums(minute), self.state.levels.near(self.here)
        if near is None or near.busy == 0 or minute.worked_ms == 0:
            return level
        inside = _inside(minute)
        times = max(near.concurrency, near.busy) / near.throughput / (inside + _outside(near))
        does = near.throughput * self.here / near.concurrency * times
        return replace(level, throughput=does, busy=does * inside)

    def is_saturated(self, minute: Minute) -> bool:
        """A backlog, and slots as busy as they are under one: not the period it ended in."""
        if not self.is_behind(minute):
            return False
        near = self.state.levels.near(self.here)
        if near is None or near.busy == 0 or self._is_behind_for_long(minute):
            return True
        inside = _inside(minute)
        share = _at_work(minute, self.bounds.period) / self.here
        as_busy = _AS_BUSY if near.concurrency == self.here else _ABOUT_AS_BUSY
        return share >= as_busy * inside / (inside + _outside(near))

    def _is_behind_for_long(self, minute: Minute) -> bool:
        """Then what is known of how busy slots are is wrong, and must not be held on to."""
        since = max(self.state.settled, minute.at - _LONG_PERIODS * self.bounds.period)
        before = [m for m in self.seen.minutes if since <= m.at < minute.at and self.is_behind(m)]
        return len(before) >= _LONG_PERIODS

    def learned(self, level: Level) -> Levels:
        """What is known with this measurement besides."""
        return self.state.levels.learn(level, since=level.at - _LATELY_PERIODS * self.bounds.period)

    # ---------------------------------------------------------------- verdicts

    def hold(self, why: str) -> Verdict:
        return Verdict(to=self.here, why=why, state=self.state)

    def go(self, to: int, why: str, **remembered: object) -> Verdict:
        """To another level, remembering this besides."""
        return Verdict(to=to, why=why, state=replace(self.state, **remembered))


def completed(levels: Levels, seen: Observation, period: float) -> Levels:
    """The levels with what is known by one period alone made good where its sums came late: they
    have clearly grown since.
    """
    minutes = {minute.at: minute for minute in seen.minutes}
    return Levels(tuple(_completed(k, minutes.get(k.at), period) for k in levels.known))


def _completed(level: Level, minute: Minute | None, period: float) -> Level:
    if minute is None or level.minutes != 1:
        return level
    if minute.events / period <= (1 + CLEAR) * level.throughput:
        return level
    return replace(level, throughput=minute.events / period, busy=_at_work(minute, period))


def _at_work(minute: Minute, period: float) -> float:
    """The mean number of invocations at work."""
    return minute.worked_ms / 1_000 / period


def _inside(minute: Minute) -> float:
    """Seconds of the function that an event took."""
    return minute.worked_ms / 1_000 / minute.events


def _outside(level: Level) -> float:
    """Seconds of a slot that an event takes outside of the function."""
    return max(0.0, level.concurrency - level.busy) / level.throughput
