"""Which level to be at while the database is up: rules 8 to 12 of `policy`. Pure."""

import msgspec

from controller.bounds import Bounds
from controller.levels import Level, Levels, Terrain, next_move
from controller.observation import Minute, Observation
from controller.state import MOST_PATIENCE, PATIENCE, Cut, State

replace = msgspec.structs.replace

_MORE = 1.2
"""Times the known throughput that only a database does which has become another one."""

_QUICK = 1.4
"""Times the least service time ever seen that still mean that nobody waits for anybody."""

_RELIEVED = 1.35
"""Times its service time before that a row may take after a cut that has helped."""

_HARDEST_CUT, _SOFTEST_CUT = 0.3, 0.8
_QUEUE_CUT, _FAILING_CUT = 0.7, 0.5
_FAILING = 0.1
_AS_BUSY, _ABOUT_AS_BUSY = 0.85, 0.6
_DRIFT = 0.1
_FAILED = 0.88
"""Of the best throughput: what a level that is only tried does less than is left at once."""

_COOL_PERIODS = 3
_TRUST_PERIODS = 15


class Choice:
    """One choice being made: the state as far as it is, and the reasons so far."""

    def __init__(self, state: State, seen: Observation, bounds: Bounds) -> None:
        self._seen, self._bounds = seen, bounds
        shards = seen.shards
        self._steps = [
            shards * factor for factor in range(bounds.lowest, bounds.highest(shards) + 1)
        ]
        known = tuple(k for k in state.levels.known if k.concurrency in self._steps)
        self.state = replace(state, levels=Levels(known))
        real = shards * seen.mapping.factor
        self.here = min(max(real, self._steps[0]), self._steps[-1])
        self.reasons: list[str] = []

    def choose(self) -> int:
        """The level for the next period."""
        fresh = self._unjudged(0.0)
        if fresh is None:
            self._say("no period has passed since the last change that could be judged")
            return self.here
        if fresh.batches == 0 and fresh.refused == 0:
            self._say("nothing was delivered: holding")
            return self.here
        return (
            self._sick(fresh)
            or self._degraded(fresh)
            or self._fails(fresh)
            or self._ripe()
            or self._as_it_is()
        )

    def _unjudged(self, aged: float) -> Minute | None:
        """The newest period that nothing was changed in, that ended long enough ago, and that was
        not learned from yet.
        """
        bounds, state = self._bounds, self.state
        until = self._seen.at - bounds.period - aged
        since = max(state.settled, state.judged + bounds.period / 2)
        found = [m for m in self._seen.minutes if since <= m.at <= until]
        return found[-1] if found else None

    def _as_it_is(self) -> int:
        self._say("the last period's sums are still coming in: holding")
        return self.here

    def _ripe(self) -> int | None:
        """What a period says whose sums are complete: throughput, not only ratios."""
        minute = self._unjudged(self._bounds.ripe)
        if minute is None:
            return None
        self.state = replace(self.state, judged=minute.at, failing=0)
        service, known = minute.service_ms, self.state.quickest
        if service is not None and (known == 0 or service < known):
            self.state = replace(self.state, quickest=service)
        if not self._is_saturated(minute):
            return self._quiet(minute)
        level = self._level(minute)
        return self._relieved(level) or self._improved(level) or self._search(level, minute)

    # ---------------------------------------------------------------- rule 8

    def _sick(self, minute: Minute) -> int | None:
        """Failures that last, and queues for connections, are too much whatever the throughput."""
        limit = self._bounds.borrow_limit_ms
        if minute.borrow_ms is not None and minute.borrow_ms > limit:
            self.state = replace(self.state, judged=minute.at)
            why = f"clients wait {minute.borrow_ms:,.0f} ms for a connection (limit {limit:,.0f})"
            return self._cut(_QUEUE_CUT, why)
        if minute.failing < _FAILING:
            return None
        self.state = replace(self.state, failing=self.state.failing + 1, judged=minute.at)
        failing = f"{minute.failing:.0%} of the attempts failed"
        if self.state.failing < 2:  # noqa: PLR2004 - for the second time
            self._say(f"{failing}: once may be a failover, holding")
            return self.here
        return self._cut(_FAILING_CUT, f"{failing}, for period {self.state.failing}")

    # ---------------------------------------------------------------- rule 9

    def _is_saturated(self, minute: Minute) -> bool:
        """A backlog, and slots as busy as they are under one: not the period it ended in."""
        if (minute.iterator_age_ms or 0.0) < self._bounds.backlog_ms or minute.service_ms is None:
            return False
        near = self.state.levels.near(self.here)
        if near is None or near.busy == 0 or minute.events == 0:
            return True
        # What an event takes of a slot outside of the function does not change with the database.
        outside = max(0.0, near.concurrency - near.busy) / near.throughput
        inside = minute.worked_ms / 1_000 / minute.events
        share = minute.worked_ms / 1_000 / self._bounds.period / self.here
        as_busy = _AS_BUSY if near.concurrency == self.here else _ABOUT_AS_BUSY
        return share >= as_busy * inside / (inside + outside)

    def _quiet(self, minute: Minute) -> int:
        proven, state = self.state.proven, self.state
        quick = minute.service_ms is not None and minute.service_ms <= _QUICK * state.quickest
        trusted = self._seen.at >= state.cool + _TRUST_PERIODS * self._bounds.period
        if self.here < proven and proven in self._steps and quick and trusted:
            self._say(f"no backlog, and the database is quick: back to {proven}, proven before")
            return proven
        if (minute.iterator_age_ms or 0.0) >= self._bounds.backlog_ms:
            self._say(f"the backlog does not keep {self.here} busy: holding")
        else:
            self._say(f"no backlog: {self.here} is enough, holding")
        return self.here

    # ---------------------------------------------------------------- rule 10

    def _degraded(self, minute: Minute) -> int | None:
        """By ratios alone, so that a period whose sums are not complete will do."""
        known = self.state.levels.get(self.here)
        if known is None or self.state.cut is not None or not self._is_behind(minute):
            return None
        level = self._level(minute)
        if level.service_ms <= self._bounds.tolerance * known.service_ms:
            return None
        self._forget(level)
        cut = Cut(origin=self.here, service_ms=known.service_ms)
        self.state = replace(self.state, judged=minute.at, cut=cut)
        times = level.service_ms / known.service_ms
        to = self._cut(
            known.service_ms / level.service_ms,
            f"a row takes {level.service_ms:.3g} ms, {times:.1f} times what it took before",
        )
        if to == self.here:
            self.state = replace(self.state, cut=None)
        return to

    def _fails(self, minute: Minute) -> int | None:
        """A level that is tried for the first time and does clearly less is left at once.

        So many slots do more in proportion to their number, and less in proportion to the time that
        an event takes of a slot: ratios again.
        """
        levels, here = self.state.levels, self.here
        near, best = levels.near(here), levels.best
        if levels.get(here) is not None or near is None or best is None or near.busy == 0:
            return None
        if self.state.cut is not None or not self._is_behind(minute) or minute.worked_ms == 0:
            return None
        each = minute.worked_ms / 1_000 / minute.events
        usual = near.busy / near.throughput
        does = near.throughput * (here / near.concurrency) * (usual / each)
        if does >= _FAILED * best.throughput:
            return None
        level = replace(self._level(minute), throughput=does, busy=does * each)
        self.state = replace(self.state, judged=minute.at, levels=levels.learn(level))
        self._say(f"{here} does about {does:,.0f} events/s: back to {best.concurrency}")
        return best.concurrency

    def _is_behind(self, minute: Minute) -> bool:
        age = minute.iterator_age_ms or 0.0
        return age >= self._bounds.backlog_ms and minute.service_ms is not None

    def _relieved(self, level: Level) -> int | None:
        """The first complete period after a cut: was it right?

        If rows are quick again, or more is done than before, others were in the way: the level that
        was left is forgotten, for its period was part before and part after the change. If not,
        rows have become dearer, at whatever concurrency, and less of it only does less.
        """
        cut = self.state.cut
        if cut is None or cut.origin == level.concurrency:
            self.state = replace(self.state, cut=None)
            return None
        left = self.state.levels.get(cut.origin)
        self.state = replace(self.state, cut=None)
        helped = level.service_ms <= _RELIEVED * cut.service_ms
        if left is None or helped or level.throughput >= left.throughput:
            self.state = replace(self.state, levels=Levels((level,)))
            self._be_eager()
            self._say(f"the cut to {level.concurrency} has helped: it does {level.throughput:,.0f}")
            return level.concurrency
        self.state = replace(self.state, levels=self.state.levels.learn(level), cool=0.0)
        self._say(
            f"rows have become dearer, not the database more crowded: back to {cut.origin}, which "
            "does more"
        )
        return cut.origin

    # ---------------------------------------------------------------- rules 11 and 12

    def _improved(self, level: Level) -> int | None:
        known = self.state.levels.get(level.concurrency)
        if known is None or level.throughput < _MORE * known.throughput:
            return None
        self._forget(level)
        self._say(
            f"{level.throughput:,.0f} events/s where {known.throughput:,.0f} were done before: "
            "the database has changed for the better"
        )
        return self._move(level, None) if self._is_quick(level) else level.concurrency

    def _search(self, level: Level, minute: Minute) -> int:
        self.state = replace(self.state, levels=self.state.levels.learn(level))
        return self._move(level, minute)

    def _move(self, level: Level, minute: Minute | None) -> int:
        state = self.state
        terrain = Terrain(
            steps=self._steps,
            veto=self._veto(minute),
            rest="it was cut a moment ago" if self._seen.at < state.cool else "",
            far=self._is_quick(level),
            due=self._seen.at >= state.retry or self._has_drifted(),
        )
        move = next_move(state.levels, level.concurrency, terrain)
        self._say(move.why)
        best = state.levels.best
        if best is not None and best.concurrency == level.concurrency:
            self.state = replace(self.state, proven=best.concurrency)
        if move.looks:
            self._be_patient()
        elif move.to != self.here and state.levels.get(move.to) is None:
            self._be_eager()
        return move.to

    def _veto(self, minute: Minute | None) -> str:
        """Why nothing may be raised now, whatever the throughput promises."""
        if minute is None:
            return ""
        cpu, bounds = minute.cpu, self._bounds
        grown = minute.capacity is None or minute.capacity >= bounds.cpu_limit
        if cpu is not None and cpu >= bounds.cpu_limit and grown:
            return f"the database's processor is at {cpu:.0f} %"
        if minute.connections is not None and minute.connections >= bounds.connections_limit:
            return f"{minute.connections:.0f} % of the proxy's connections are in use"
        return ""

    # ---------------------------------------------------------------- what rules have in common

    def _level(self, minute: Minute) -> Level:
        return Level(
            concurrency=self.here,
            throughput=minute.events / self._bounds.period,
            service_ms=minute.service_ms or 0.0,
            busy=minute.worked_ms / 1_000 / self._bounds.period,
            minutes=1,
            at=minute.at,
        )

    def _cut(self, share: float, why: str) -> int:
        """A lower level: by this share, but at least one step and at most to three tenths."""
        wanted = self.here * min(max(share, _HARDEST_CUT), _SOFTEST_CUT)
        lower = [step for step in self._steps if step < self.here]
        if not lower:
            self._say(f"{why}; {self.here} is the least there is")
            return self.here
        to = max([step for step in lower if step <= wanted], default=lower[0])
        cool = self._seen.at + _COOL_PERIODS * self._bounds.period
        self.state = replace(self.state, cool=cool)
        self._say(f"{why}: cut from {self.here} to {to}")
        return to

    def _forget(self, level: Level) -> None:
        """The database is another one. Of it only this is known, and that not for sure: part of
        the period may have been before the change, so the next one counts instead.
        """
        self.state = replace(self.state, levels=Levels((replace(level, minutes=0),)))
        self._be_eager()

    def _is_quick(self, level: Level) -> bool:
        return level.service_ms <= _QUICK * self.state.quickest

    def _has_drifted(self) -> bool:
        """Whether the best level does another amount than when its neighbours were looked at."""
        best, anchor = self.state.levels.best, self.state.anchor
        return best is not None and anchor > 0 and abs(best.throughput / anchor - 1) > _DRIFT

    def _be_eager(self) -> None:
        self._look_again_in(PATIENCE)

    def _be_patient(self) -> None:
        self._look_again_in(min(2 * self.state.patience, MOST_PATIENCE))

    def _look_again_in(self, periods: int) -> None:
        best = self.state.levels.best
        self.state = replace(
            self.state,
            retry=self._seen.at + periods * self._bounds.period,
            patience=periods,
            anchor=0.0 if best is None else best.throughput,
        )

    def _say(self, reason: str) -> None:
        self.reasons.append(reason)
