"""What CloudWatch would show of the pipeline, and what Lambda would do with an update.

A minute's sums are complete only some seconds after its end. Until then they are too small, and
their ratios are those of the batches that happen to be in them, off by some hundredths. Database
metrics come a minute later; the iterator age is a whole number of milliseconds. An update of the
mapping takes its time, during which another one is refused.
"""

import math
import random

import msgspec

from bench.control.pipeline import STEP, Done, Pipeline, Settings
from controller.observation import Mapping, MappingState, Minute
from controller.state import Wanted

MINUTE = 60.0
AGED = 15.0
"""Seconds after its end from which the controller asks for a minute."""


class _Sums(msgspec.Struct, kw_only=True):
    at: float
    shown_at: float
    complete_at: float
    early: float
    ratio: float
    events: float = 0.0
    batches: float = 0.0
    worked_ms: float = 0.0
    busy_ms: float = 0.0
    failures: float = 0.0
    refused: float = 0.0
    age: float | None = None
    cpu: float = 0.0


class CloudWatch:
    """Sums per minute, as they become visible.

    A minute shows `shown` seconds after its end (from, to), each one on its own, so that a later
    one may come first; `lost` is the share of the minutes that never show.
    """

    def __init__(self, dice: random.Random) -> None:
        self.shown = (0.0, 0.0)
        self.lost = 0.0
        self._dice, self._faults = dice, random.Random(dice.random())  # noqa: S311 - a simulation
        self._minutes: list[_Sums] = []

    def add(self, now: float, done: Done, cpu: float) -> None:
        at = now - now % MINUTE
        if not self._minutes or self._minutes[-1].at != at:
            late = self._dice.uniform(5.0, 50.0)
            early = self._dice.uniform(0.5, 1.0)
            shown_at = at + MINUTE + self._faults.uniform(*self.shown)
            if self._faults.random() < self.lost:
                shown_at = math.inf
            self._minutes.append(
                _Sums(
                    at=at,
                    shown_at=shown_at,
                    complete_at=max(at + MINUTE, shown_at) + late,
                    early=early,
                    ratio=self._faults.gauss(1.0, 0.03),
                )
            )
        sums = self._minutes[-1]
        sums.events += done.events
        sums.batches += done.batches
        sums.worked_ms += done.worked_ms
        sums.busy_ms += done.busy_ms
        sums.failures += done.failures
        sums.refused += done.refused
        sums.cpu += cpu * STEP / MINUTE
        if done.age is not None:
            sums.age = max(sums.age or 0.0, done.age)

    def minutes(self, now: float) -> tuple[Minute, ...]:
        """The last ten minutes that ended `AGED` seconds ago."""
        ended = [m for m in self._minutes[-12:] if m.at + MINUTE + AGED <= now]
        return tuple(self._seen(m, now) for m in ended[-10:])

    def _seen(self, sums: _Sums, now: float) -> Minute:
        if now < sums.shown_at:
            return Minute(at=sums.at)
        share, ratio = (1.0, 1.0) if now >= sums.complete_at else (sums.early, sums.ratio)
        slow = now >= sums.at + 2 * MINUTE
        return Minute(
            at=sums.at,
            events=float(round(sums.events * share)),
            batches=float(round(sums.batches * share)),
            worked_ms=round(sums.worked_ms * share * ratio, 3),
            busy_ms=round(sums.busy_ms * share * ratio, 3),
            failures=float(round(sums.failures * share)),
            refused=float(round(sums.refused * share)),
            iterator_age_ms=None if sums.age is None else float(round(sums.age * 1_000)),
            cpu=round(sums.cpu, 1) if slow else None,
        )


class Lambda:
    """The mapping's control plane: one update at a time, in effect after `takes` seconds (from,
    to). `refusing` is the share of updates that fail.
    """

    def __init__(self, pipeline: Pipeline, dice: random.Random) -> None:
        self.takes = (5.0, 35.0)
        self.refusing = 0.0
        self._pipeline, self._dice = pipeline, dice
        self._next: tuple[float, Settings] | None = None
        self.updates = 0

    def get(self, now: float) -> Mapping:
        self.elapse(now)
        real = self._pipeline.settings
        state = MappingState.ENABLED if real.enabled else MappingState.DISABLED
        if self._next is not None:
            state, real = MappingState.UPDATING, self._next[1]
        return Mapping(
            state=state, factor=real.factor, batch_size=real.batch_size, window=real.window
        )

    def update(self, now: float, wanted: Wanted) -> None:
        """Unless nothing would change."""
        new = Settings(
            enabled=wanted.enabled,
            factor=wanted.factor,
            batch_size=wanted.batch_size,
            window=wanted.window,
        )
        if new == self._pipeline.settings or self._next is not None:
            return
        if self.refusing and self._dice.random() < self.refusing:
            return
        self._next = (now + self._dice.uniform(*self.takes), new)
        self.updates += 1

    def by_hand(self, factor: int) -> None:
        """Somebody sets a factor in the console."""
        real = self._pipeline.settings
        self._pipeline.settings = msgspec.structs.replace(real, factor=factor)

    def elapse(self, now: float) -> None:
        if self._next is not None and now >= self._next[0]:
            self._pipeline.settings = self._next[1]
            self._next = None
