"""Stream, mapping and consumer as a fluid in small steps, around the model of the database.

Slots (shards times factor) take batches as long as there is a backlog; without one they take what a
window brings. A batch spends time in the database and some in the function. The number of sessions
that are busy at once follows from both (Little's law), and the slowdown from that number, so each
step is a fixed point. Everything that arrives and is not done waits on the stream, first in, first
out.
"""

import random
from collections import deque

import msgspec

from bench.control.database import Database

STEP = 5.0
"""Seconds."""

_INVOKE_MS = 20.0
_FUNCTION_BATCH_MS, _FUNCTION_ROW_MS = 5.0, 0.025
"""What a batch costs outside the database: Lambda's share, and the function's own for decoding and
folding (22 µs a row were measured).
"""

_CONNECT_SECONDS, _FUSE_SECONDS = 5.0, 15.0


class Settings(msgspec.Struct, kw_only=True):
    """The mapping as it is in effect."""

    enabled: bool = True
    factor: int = 2
    batch_size: int = 500
    window: int = 1


class Done(msgspec.Struct, kw_only=True):
    """What happened in one step."""

    events: float = 0.0
    batches: float = 0.0
    worked_ms: float = 0.0
    busy_ms: float = 0.0
    failures: float = 0.0
    refused: float = 0.0
    age: float | None = None
    sessions: float = 0.0
    takes_ms: float = 0.0


class Pipeline:
    """One stream into one database. `noise` is the standard deviation of a minute's slowdown."""

    def __init__(
        self, database: Database, shards: int, dice: random.Random, *, noise: float = 0.04
    ) -> None:
        self.database, self.shards = database, shards
        self.settings = Settings()
        self.backlog = 0.0
        self._dice, self._noise, self._level = dice, noise, 0.0
        self._waiting: deque[list[float]] = deque()

    def step(self, now: float, arriving: float) -> Done:
        """Let `STEP` seconds pass in which so many events a second arrive."""
        self._arrive(now, arriving * STEP)
        self._level = 0.9 * self._level + 0.44 * self._dice.gauss(0.0, self._noise)
        jitter = max(0.3, 1 + self._level + self._dice.gauss(0.0, self._noise))
        if not self.settings.enabled:
            return Done()
        if not self.database.up:
            return self._fail(now)
        slots = self.shards * self.settings.factor
        size, takes, sessions = self._under_backlog(slots, jitter)
        able = slots * size / (takes + _outside(size)) * 1_000 * STEP
        if able >= self.backlog:
            size, takes, sessions = self._without_backlog(self.backlog / STEP, slots, jitter)
        events = min(able, self.backlog)
        batches = events / size if size else 0.0
        age = self._take(now, events)
        if self.backlog > 0 or events > 0:
            age = max(age, self.settings.window / 2 + takes / 1_000)
        return Done(
            events=events,
            batches=batches,
            worked_ms=batches * (takes + _FUNCTION_BATCH_MS + size * _FUNCTION_ROW_MS),
            busy_ms=batches * takes,
            age=age if batches else None,
            sessions=sessions,
            takes_ms=takes,
        )

    def rate(self, factor: int) -> float:
        """Events a second that this factor does under a backlog, without noise."""
        slots = self.shards * factor
        size, takes, _ = self._under_backlog(slots, 1.0, full=True)
        return slots * size / (takes + _outside(size)) * 1_000 if self.database.up else 0.0

    def _under_backlog(
        self, slots: int, jitter: float, *, full: bool = False
    ) -> tuple[float, float, float]:
        size = 500.0 if full else float(self.settings.batch_size)
        sessions = float(slots)
        for _ in range(12):
            takes = self.database.batch_takes(size, sessions) * jitter
            sessions = 0.5 * sessions + 0.5 * slots * takes / (takes + _outside(size))
        return size, takes, sessions

    def _without_backlog(
        self, rate: float, slots: int, jitter: float
    ) -> tuple[float, float, float]:
        """Every slot takes what its window brought: smaller batches, so a row costs more."""
        sessions, takes = 1.0, self.database.batch_takes(1, 1)
        size = 1.0
        for _ in range(12):
            cycle = max(self.settings.window, 0.2) + takes / 1_000
            size = min(max(1.0, rate * cycle / self.shards), self.settings.batch_size)
            takes = self.database.batch_takes(size, sessions) * jitter
            sessions = 0.5 * sessions + 0.5 * min(slots, rate / size * takes / 1_000)
        return size, takes, sessions

    def _fail(self, now: float) -> Done:
        """Nothing answers: every slot tries, waits for the connection twice, blows its fuse."""
        slots = self.shards * self.settings.factor
        tries = slots * STEP / (2 * _CONNECT_SECONDS + _FUSE_SECONDS)
        refused = slots * STEP * _FUSE_SECONDS / (2 * _CONNECT_SECONDS + _FUSE_SECONDS)
        busy = self.backlog > 0
        age = now - self._waiting[0][0] if self._waiting else None
        return Done(
            failures=2 * tries * busy, refused=refused * busy, batches=tries * busy, age=age
        )

    def _arrive(self, now: float, events: float) -> None:
        self.backlog += events
        if events > 0:
            self._waiting.append([now, events])

    def _take(self, now: float, events: float) -> float:
        """Take the oldest; the age in seconds of the oldest that is left or was taken."""
        age = now + STEP - self._waiting[0][0] if self._waiting else 0.0
        self.backlog = max(0.0, self.backlog - events)
        while events > 1e-9 and self._waiting:
            first = self._waiting[0]
            taken = min(first[1], events)
            first[1] -= taken
            events -= taken
            if first[1] <= 1e-9:
                self._waiting.popleft()
        return max(0.0, age - STEP)


def _outside(size: float) -> float:
    return _INVOKE_MS + _FUNCTION_BATCH_MS + size * _FUNCTION_ROW_MS
