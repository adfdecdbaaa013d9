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
| 11 | a backlog, and far more is done than could be at this level | learn anew |
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
right is seen by comparing the minute of the cut with the first whole one after it: if that one did
less (the rows got dearer, or the cut was too deep), the search goes on between the two.

What was measured may be wrong. Sums that come late are read again, a period that was in part before
an update is known by more work than there are slots, and a level at which rows are quick cannot be
the top, whatever was measured above it: by the scalability law a row takes twice its least there.

What rule 10 forgets is put on a shelf. A stall ends, a neighbour leaves: if a level then does
what it did before, or the one that was left had recovered while it was being left, the database is
what it was, and so is all that was known of it.
"""

import msgspec
from msgspec.structs import replace

from controller import retention
from controller.bounds import SMALL_BATCH, Bounds
from controller.breaker import Breaker, Phase, advance
from controller.choosing import choose
from controller.observation import MappingState, Observation
from controller.state import State, Wanted, as_of


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


def _concurrency(state: State, seen: Observation) -> int:
    """How many batches may run at once: what was best if that is known, else as it was set."""
    best = state.levels.best
    if best is not None:
        return best.concurrency
    factor = seen.mapping.factor if state.wanted is None else state.wanted.factor
    return factor * (state.shards or seen.shards)


class _Turn:
    """One decision being made: the state as far as it is, and the reasons so far."""

    def __init__(self, state: State, seen: Observation, bounds: Bounds) -> None:
        self.seen, self.bounds = seen, bounds
        self.mapping = seen.mapping
        self.reasons: list[str] = []
        self.alarms: list[str] = []
        self.tried = False
        state = as_of(state, seen.at, bounds.period)
        self.state = replace(state, hand=seen.hand or state.hand, at=seen.at, shards=seen.shards)
        self.reshard = state.shards not in (0, seen.shards)
        self.concurrency = _concurrency(state, seen)
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
            # Whenever that ends, the periods until then were not at the new setting.
            self.state = replace(self.state, settled=self.seen.at + self.bounds.period)
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
            return self._found_disabled()
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
                "(a deploy, an update that failed, another hand): restoring it"
            )
            return self._wanted(self._pinned() or self._fit(decided.factor))
        pinned = self._pinned()
        if self.reshard and pinned is None:
            return self._reshard()
        verdict = choose(self.state, self.seen, self.bounds)
        self.state = verdict.state
        if pinned is not None:
            self._say(f"pinned to {pinned} by {self.state.hand.by}: {self.state.hand.because}")
            return self._wanted(pinned)
        self._say(verdict.why)
        return self._wanted(verdict.to // self.seen.shards)

    def _found_disabled(self) -> Wanted | None:
        if self._is_ours():
            opened = Breaker(phase=Phase.OPEN, since=self.seen.at)
            self.state = replace(self.state, breaker=opened)
            return self._stop("so it was left by an open breaker, and what else was is lost")
        self._say("the mapping was disabled by somebody else: left alone until it is enabled")
        return None

    def _is_ours(self) -> bool:
        """Whether a disabled mapping is as the breaker leaves one, and nothing is remembered."""
        small, real = min(SMALL_BATCH, self.bounds.batch_size), self.mapping
        as_the_template = (self.bounds.batch_size, self.bounds.window) == (small, 0)
        is_small = (real.batch_size, real.window) == (small, 0)
        return self.state.wanted is None and is_small and not as_the_template

    def _reshard(self) -> Wanted:
        """As many batches at once as before: the database is the same."""
        shards = self.seen.shards
        factor = self._fit(self.concurrency // shards)
        self._say(f"there are {shards} shards now: factor {factor} for {self.concurrency} at once")
        self.state = replace(self.state, settled=self.seen.at + self.bounds.settle)
        return self._wanted(factor)

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
        before = self.state.proven // self.seen.shards
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
        """By the breaker with a trial's batches already, by which its own stop is known again."""
        self._say(f"stopped, the position on the stream is kept: {why}")
        proven = self.state.proven or self.concurrency
        self.state = replace(self.state, stopped=True, proven=proven)
        before = self.state.wanted
        trial, real = self._small(), self.mapping
        is_open = self.state.breaker.phase is Phase.OPEN and not self.state.hand.paused
        return Wanted(
            enabled=False,
            factor=self._fit(real.factor if before is None else before.factor),
            batch_size=trial.batch_size if is_open else real.batch_size,
            window=trial.window if is_open else real.window,
        )

    def _trial(self) -> Wanted:
        self._say("half-open: one small batch per shard at a time")
        return self._small()

    def _small(self) -> Wanted:
        """Little, and at once: the window would only put off the answer."""
        size = min(SMALL_BATCH, self.bounds.batch_size)
        return Wanted(enabled=True, factor=self.bounds.lowest, batch_size=size, window=0)

    def _wanted(self, factor: int) -> Wanted:
        size = self._batch_size()
        return Wanted(enabled=True, factor=factor, batch_size=size, window=self.bounds.window)

    def _batch_size(self) -> int:
        """The template's, or less of it while a batch takes too much of the function's time."""
        base, size = self.bounds.batch_size, self.mapping.batch_size
        minute = next((m for m in reversed(self.seen.minutes) if m.batches > 0), None)
        if minute is None or size > base or size <= SMALL_BATCH:
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
        ours = stopped and self.state.stopped
        why = f"paused by {hand.by}" if hand.paused else "the breaker is open" if ours else ""
        if loud := retention.warning(age, self.seen.retention, why_stopped=why):
            self.alarms.append(loud)

    # ---------------------------------------------------------------- the end of the turn

    def close(self, wanted: Wanted | None) -> Decision:
        state = self.state
        if wanted is not None and self._changes(wanted) and self.bounds.acts:
            raised = wanted.enabled and wanted.factor > self.mapping.factor
            settled = self.seen.at + self.bounds.settle
            state = replace(state, settled=settled, raised=raised)
        reasons = (*self.alarms, *self.reasons)
        state = replace(state, wanted=wanted or state.wanted, reasons=reasons)
        return Decision(
            state=state, wanted=wanted, reasons=tuple(self.reasons), alarms=tuple(self.alarms)
        )

    def _changes(self, wanted: Wanted) -> bool:
        """Whether periods before and after it cannot be compared. Half a batch hardly costs more
        per row; those of a trial do.
        """
        real = self.mapping
        enabled = real.state is not MappingState.DISABLED
        settings_change = (wanted.enabled, wanted.factor) != (enabled, real.factor)
        return settings_change or wanted.batch_size > 2 * real.batch_size

    def _say(self, reason: str) -> None:
        self.reasons.append(reason)
