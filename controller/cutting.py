"""When a level is too much, how far down, and whether that was right: rules 8 and 10. Pure."""

from msgspec.structs import replace

from controller.levels import Level, Levels
from controller.observation import Minute
from controller.patience import eager
from controller.shelf import known_before, shelved, taken_down
from controller.standing import Standing, Verdict
from controller.state import Cut, Shelf

_HARDEST, _SOFTEST = 0.3, 0.8
_FOR_QUEUES, _FOR_FAILURES = 0.7, 0.5
_FAILING = 0.1
"""Shares: of the level in use, and of the attempts."""

_COOL_PERIODS = 3

_DID_MORE = 1.05
"""Times the throughput after a cut that the period of the cut has to have done, most of which was
before it, to prove the cut wrong.
"""

_SUDDEN = 0.85
"""Of what a level did: less says that the database is another one at once, and may be the old one
again; what gets slowly worse has taken along what is known.
"""

_AS_EVER = 0.85
"""Of what a level had always done: what it does if nothing is wrong."""


def sick(standing: Standing, minute: Minute) -> Verdict | None:
    """Failures that last, and queues for connections, are too much whatever the throughput."""
    bounds, state = standing.bounds, standing.state
    judged = replace(standing, state=replace(state, judged=minute.at))
    if minute.borrow_ms is not None and minute.borrow_ms > bounds.borrow_limit_ms:
        limit = f"(limit {bounds.borrow_limit_ms:,.0f})"
        why = f"clients wait {minute.borrow_ms:,.0f} ms for a connection {limit}"
        return _cut(judged, _FOR_QUEUES, why)
    if minute.failing < _FAILING:
        return None
    times = state.failing + 1
    counted = replace(judged, state=replace(judged.state, failing=times))
    failing = f"{minute.failing:.0%} of the attempts failed"
    if times < 2:  # noqa: PLR2004 - for the second time
        return counted.hold(f"{failing}: once may be a failover, holding")
    return _cut(counted, _FOR_FAILURES, f"{failing}, for period {times}")


def degraded(standing: Standing, minute: Minute) -> Verdict | None:
    """Each row takes far longer than it did at this level."""
    state, here = standing.state, standing.here
    known = state.levels.get(here)
    if known is None or state.cut is not None or not standing.is_behind(minute):
        return None
    level = standing.level_by_ratios(minute)
    if level.service_ms <= standing.bounds.tolerance * known.usual_ms:
        return None
    times = level.service_ms / known.usual_ms
    why = f"a row takes {level.service_ms:.3g} ms, {times:.1f} times what it took before"
    best = state.levels.best or known
    remembered = {"judged": minute.at, "former": max(state.former, best.concurrency)}
    is_sudden = level.throughput < _SUDDEN * known.throughput
    state = shelved(standing) if is_sudden else replace(state, shelf=Shelf())
    state = replace(state, levels=forgotten(level), **remembered)
    judged = replace(standing, state=state)
    verdict = _cut(judged, 1 / times, why)
    cut = None if verdict.to == here else Cut(origin=here, at=standing.seen.at)
    return replace(verdict, state=eager(replace(verdict.state, cut=cut), standing))


def needless(standing: Standing, level: Level) -> Verdict | None:
    """Whether the level that was left did again what it had always done when it was left: then it
    was a stall, and is over. Where capacity is missing it did two thirds of that at most, since
    rows took half as long again.
    """
    cut = standing.state.cut
    if cut is None:
        return None
    left, before = standing.state.levels.get(cut.origin), known_before(standing, cut.origin)
    if left is None or before is None:
        return None
    did = _did(standing, cut, left, level)
    if did < max(_AS_EVER * before.throughput, _DID_MORE * level.throughput):
        return None
    return taken_down(standing, f"{cut.origin} did {did:,.0f} events/s when it was left")


def relieved(standing: Standing, level: Level) -> Verdict | None:
    """The first ripe period after a cut: was it right?

    It is compared with the period in which the cut was made: that one was already as bad as the one
    that caused it, and part of it was spent at the level that was left. If it did more all the
    same, rows have become dearer at whatever concurrency, or others have come who leave less, or
    the top was passed on the way down: what is between the two is tried before what was left.
    """
    cut = standing.state.cut
    left = None if cut is None else standing.state.levels.get(cut.origin)
    if cut is None or left is None or cut.origin == level.concurrency:
        return None
    judged = replace(standing, state=replace(standing.state, cut=None))
    did = _did(standing, cut, left, level)
    if did < _DID_MORE * level.throughput:
        why = f"the cut to {level.concurrency} has helped: it does {level.throughput:,.0f}"
        state = eager(replace(judged.state, levels=Levels((level,))), standing)
        return Verdict(to=level.concurrency, why=why, state=state)
    between = [step for step in standing.steps if level.concurrency < step < cut.origin]
    to = between[len(between) // 2] if between else cut.origin
    levels = Levels((level, replace(left, throughput=did)))
    state = eager(replace(judged.state, levels=levels, cool=0.0), standing)
    why = (
        f"{cut.origin} did {did:,.0f} events/s all the same, {level.concurrency} does "
        f"{level.throughput:,.0f}: cut too far, on to {to}"
    )
    return Verdict(to=to, why=why, state=state)


def _did(standing: Standing, cut: Cut, left: Level, level: Level) -> float:
    """What the level that was left did once all was as bad as now.

    Best known from a whole period between the one that caused the cut and the cut; else from the
    period of the cut, if enough of that was before it (an update is in effect after half of the
    time that it may take); else from the period that caused it, which may have begun in good times.
    """
    period = standing.bounds.period
    whole = [m for m in standing.seen.minutes if left.at < m.at <= cut.at - 0.9 * period]
    if whole:
        return whole[-1].events / period
    during = standing.around(cut.at)
    if during is None or cut.at - during.at < period / 4:
        return left.throughput
    before = min(1.0, (cut.at - during.at + standing.bounds.settle / 2) / period)
    return level.throughput + (during.events / period - level.throughput) / before


def forgotten(level: Level) -> Levels:
    """The database is another one. Of it only this is known, and that not for sure: part of the
    period may have been before the change, so the next one counts instead.
    """
    return Levels((replace(level, minutes=0),))


def _cut(standing: Standing, share: float, why: str) -> Verdict:
    """A lower level: by this share, but at least one step and at most to three tenths."""
    here = standing.here
    wanted = here * min(max(share, _HARDEST), _SOFTEST)
    lower = [step for step in standing.steps if step < here]
    if not lower:
        return standing.hold(f"{why}; {here} is the least there is")
    to = min(lower, key=lambda step: abs(step - wanted))
    cool = standing.seen.at + _COOL_PERIODS * standing.bounds.period
    proven = standing.state.proven or here
    return standing.go(to, f"{why}: cut from {here} to {to}", cool=cool, proven=proven)
