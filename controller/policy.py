"""The decision: state and observation in, settings for the event source mapping and reasons out.

Pure: it reads no clock, asks nobody and draws nothing, so that the same two give the same third.

Theory of operation
-------------------
The first rule that applies decides.

| | when | then |
|---|---|---|
| 1 | the operator paused | stop the mapping |
| 2 | the mapping is changing | nothing, until it is Enabled or Disabled |
| 3 | the database is down (`breaker`) | stop the mapping |
| 4 | it is being tried again (`breaker`) | the least concurrency, small batches, no window |
| 5 | somebody else disabled the mapping | nothing: that is a person's business |
| 6 | the mapping differs from what was decided | restore it |
| 7 | the operator pinned a factor | that factor |
| 8 | attempts fail for the second period, or clients queue for connections | cut |
| 9 | no backlog | hold; return to what was proven, if the database is quick |
| 10 | a backlog, and each row takes far longer than it did at this level | cut, learn anew |
| 11 | a backlog, and far more is done than before at this level | learn anew |
| 12 | a backlog | where `levels` says |

Rules 9 to 12 are the heart. Without a backlog throughput is what arrives, and says nothing of what
the database could do: so the setting holds, and a flat load has a flat setting. Under a backlog a
minute's throughput is the database's answer to this level, and the search compares answers. It
never follows the backlog itself: an overload that lasts ends at the level that does the most,
however long the queue on the stream becomes, because a higher level has to *show* more throughput
to be kept.

Rule 10 is the fast way down. Service time is per row (milliseconds of waiting for the database over
events finished), never per batch, and is compared only between minutes with a backlog, whose
batches are full. By Little's law concurrency is throughput times service time; so the concurrency
that brings the service time back to what it was is in proportion to the two. Whether the cut was
right is seen by the next minute's throughput, and if it was not (the rows got more expensive, the
database is not more crowded) the search goes straight back.
"""

import msgspec

from controller import retention
from controller.bounds import SMALL_BATCH, Bounds
from controller.breaker import Phase, advance
from controller.choosing import Choice
from controller.observation import MappingState, Observation
from controller.state import State, Wanted

replace = msgspec.structs.replace


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """`wanted` is None where the mapping is to be left alone. `alarms` want somebody now."""

    state: State
    wanted: Wanted | None
    reasons: tuple[str, ...]
    alarms: tuple[str, ...] = ()


def decide(state: State, seen: Observation, bounds: Bounds) -> Decision:
    """What the mapping should be told now, and what to remember."""
    turn = _Turn(state, seen, bounds)
    wanted = turn.decide()
    return turn.close(wanted)


class _Turn:
    """One decision being made: the state as far as it is, and the reasons so far."""

    def __init__(self, state: State, seen: Observation, bounds: Bounds) -> None:
        self.seen, self.bounds = seen, bounds
        self.mapping = seen.mapping
        self.reasons: list[str] = []
        self.alarms: list[str] = []
        self.tried = False
        self.state = replace(state, hand=seen.hand or state.hand, at=seen.at)
        if seen.hand is None:
            self.alarms.append(
                "the operator's parameter cannot be read: what it said before still holds; "
                "`inorder concurrency show` says what, `release` writes it anew"
            )

    # ---------------------------------------------------------------- the table

    def decide(self) -> Wanted | None:
        hand = self.state.hand
        self._age()
        if not self.mapping.takes_updates:
            self._say(f"the mapping is {self.mapping.state}: looking again in the next period")
            return None
        if hand.paused:
            return self._stop(f"paused by {hand.by}: {hand.because}")
        self._break()
        match self.state.breaker.phase:
            case Phase.OPEN:
                return self._stop("the breaker is open")
            case Phase.HALF_OPEN:
                return self._trial()
            case Phase.CLOSED:
                return self._closed()

    def _closed(self) -> Wanted | None:
        if self.mapping.state is MappingState.DISABLED and not self.state.stopped:
            self._say("the mapping was disabled by somebody else: left alone until it is enabled")
            return None
        if self.state.stopped:
            stopped = self.mapping.state is MappingState.DISABLED
            self.state = replace(self.state, stopped=stopped)
            if stopped or self.tried:
                factor = self._first_factor()
                self._say(f"going on where it was stopped, with factor {factor}")
                return self._wanted(factor)
        decided = self.state.wanted
        real = self.mapping
        if decided is not None and self.bounds.acts and decided.factor != real.factor:
            self._say(
                f"the mapping has factor {real.factor}, not the {decided.factor} last decided "
                "(a deploy, or another hand): restoring it"
            )
            return self._wanted(self._pinned() or self._fit(decided.factor))
        pinned = self._pinned()
        choice = Choice(self.state, self.seen, self.bounds)
        chosen = choice.choose()
        self.state = choice.state
        if pinned is not None:
            self._say(f"pinned to {pinned} by {self.state.hand.by}: {self.state.hand.because}")
            return self._wanted(pinned)
        self.reasons += choice.reasons
        return self._wanted(chosen // self.seen.shards)

    def _pinned(self) -> int | None:
        pinned = self.state.hand.pinned
        return None if pinned is None else self._fit(pinned)

    def _fit(self, factor: int) -> int:
        return min(max(factor, self.bounds.lowest), self.bounds.highest(self.seen.shards))

    def _first_factor(self) -> int:
        """After a stop: the pinned factor, or half of what was before, to be learned from."""
        pinned = self._pinned()
        if pinned is not None:
            return pinned
        before = self.state.proven // self.seen.shards or self.mapping.factor
        return self._fit(max(1, (before + 1) // 2))

    # ---------------------------------------------------------------- stopping and starting

    def _break(self) -> None:
        before = self.state.breaker
        after, why = advance(before, self.seen.minutes, self.seen.at, self.bounds.period)
        if after.phase is not before.phase:
            self._say(f"breaker {before.phase} → {after.phase}: {why}")
        self.tried = before.phase is Phase.HALF_OPEN
        self.state = replace(self.state, breaker=after)

    def _stop(self, why: str) -> Wanted:
        self._say(f"stopped, the position on the stream is kept: {why}")
        self.state = replace(self.state, stopped=True)
        before = self.state.wanted
        return Wanted(
            enabled=False,
            factor=self.mapping.factor if before is None else before.factor,
            batch_size=self.mapping.batch_size,
            window=self.mapping.window,
        )

    def _trial(self) -> Wanted:
        """Little, and at once: the window would only put off the answer."""
        self._say("half-open: one small batch per shard at a time")
        size = min(SMALL_BATCH, self.bounds.batch_size)
        return Wanted(enabled=True, factor=self.bounds.lowest, batch_size=size, window=0)

    def _wanted(self, factor: int) -> Wanted:
        size = self._batch_size()
        return Wanted(enabled=True, factor=factor, batch_size=size, window=self.bounds.window)

    def _batch_size(self) -> int:
        """The template's, or less of it while a batch takes too much of the function's time."""
        base, size = self.bounds.batch_size, self.mapping.batch_size
        minute = self.seen.minutes[-1] if self.seen.minutes else None
        if minute is None or minute.batches == 0 or size > base or size <= SMALL_BATCH:
            return base
        each = minute.busy_ms / minute.batches
        if each > self.bounds.timeout_ms / 4:
            self._say(f"a batch takes {each / 1_000:.1f} s of the database: half its size")
            return max(SMALL_BATCH, size // 2)
        if size < base and each < self.bounds.timeout_ms / 16:
            return min(base, 2 * size)
        return size

    def _age(self) -> None:
        reported = [m.iterator_age_ms for m in self.seen.minutes if m.iterator_age_ms is not None]
        newest = reported[-1] if reported else None
        stopped = self.mapping.state is MappingState.DISABLED
        age = self.state.age.after(
            self.seen.at, reported_ms=newest, stopped=stopped, backlog_ms=self.bounds.backlog_ms
        )
        self.state = replace(self.state, age=age)
        hand = self.state.hand
        why = f"paused by {hand.by}" if hand.paused else "the breaker is open" if stopped else ""
        if loud := retention.warning(age, self.seen.retention, why_stopped=why):
            self.alarms.append(loud)

    # ---------------------------------------------------------------- the end of the turn

    def close(self, wanted: Wanted | None) -> Decision:
        state = self.state
        if wanted is not None and self._changes(wanted) and self.bounds.acts:
            state = replace(state, settled=self.seen.at + self.bounds.settle)
        reasons = (*self.alarms, *self.reasons)
        state = replace(state, wanted=wanted or state.wanted, reasons=reasons)
        return Decision(
            state=state, wanted=wanted, reasons=tuple(self.reasons), alarms=tuple(self.alarms)
        )

    def _changes(self, wanted: Wanted) -> bool:
        real = self.mapping
        enabled = real.state is not MappingState.DISABLED
        return (wanted.enabled, wanted.factor) != (enabled, real.factor)

    def _say(self, reason: str) -> None:
        self.reasons.append(reason)
