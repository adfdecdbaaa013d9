"""Which level to be at while the database is up: rules 8 to 12 of `policy`, in order. Pure."""

from msgspec.structs import replace

from controller import cutting
from controller.bounds import Bounds
from controller.cutting import forgotten
from controller.levels import Level, Terrain, next_move
from controller.observation import Minute, Observation
from controller.patience import drift, eager, is_due, patient
from controller.shelf import returned
from controller.standing import Standing, Verdict, completed
from controller.state import Shelf, State

_MORE = 1.2
"""Times the known throughput that only a database does which has become another one."""

_QUICK = 1.4
"""Times the least service time ever seen that still mean that nobody waits for anybody."""

_FAILED = 0.88
"""Of the best throughput: what a level that is only tried does less than is left at once."""

_LASTS_PERIODS = 120
"""How long what was measured at a level is believed, while there are newer measurements."""

_TRUST_PERIODS = 15


def choose(state: State, seen: Observation, bounds: Bounds) -> Verdict:
    """The level for the next period."""
    standing = _stand(state, seen, bounds)
    fresh = standing.fresh()
    if fresh is None:
        return standing.hold("no period since the last change that says anything: holding")
    if fresh.batches == 0 and fresh.refused == 0:
        return standing.hold("nothing was delivered: holding")
    return (
        cutting.sick(standing, fresh)
        or cutting.degraded(standing, fresh)
        or _tried(standing, fresh)
        or _ripe(standing)
        or standing.hold("the last period's sums are still coming in: holding")
    )


def _stand(state: State, seen: Observation, bounds: Bounds) -> Standing:
    factors = range(bounds.lowest, bounds.highest(seen.shards) + 1)
    steps = tuple(seen.shards * factor for factor in factors)
    lasts = _LASTS_PERIODS * bounds.period
    known = completed(state.levels.within(steps, lasts), seen, bounds.period)
    here = min(max(seen.shards * seen.mapping.factor, steps[0]), steps[-1])
    shelf = replace(state.shelf, levels=state.shelf.levels.within(steps, lasts))
    state = replace(state, levels=known, shelf=shelf)
    return Standing(state=state, seen=seen, bounds=bounds, steps=steps, here=here)


def _ripe(standing: Standing) -> Verdict | None:
    """What a period says whose sums are complete."""
    minute, state = standing.ripe(), standing.state
    if minute is None:
        return None
    service, quickest = minute.service_ms, state.quickest
    if service is not None:
        quickest = min(service, quickest or service)
    state = replace(state, judged=minute.at, failing=0, quickest=quickest)
    standing = replace(standing, state=state)
    if not standing.is_saturated(minute):
        return _quiet(standing, minute)
    level = standing.level(minute)
    if (again := _again(standing, level)) is not None:
        return again
    if (relieved := cutting.relieved(standing, level)) is not None:
        return relieved
    standing = replace(standing, state=replace(state, cut=None))
    return _improved(standing, level) or _search(standing, level, minute)


# -------------------------------------------------------------------- rule 9


def _quiet(standing: Standing, minute: Minute) -> Verdict:
    state, here, proven = standing.state, standing.here, standing.state.proven
    trusted = standing.seen.at >= state.cool + _TRUST_PERIODS * standing.bounds.period
    below = [step for step in standing.steps if step <= proven]
    if below and here < below[-1] and trusted and not standing.is_behind(minute):
        proven = below[-1]
        return standing.go(proven, f"no backlog, and no trouble for long: {proven} was proven")
    if standing.is_behind(minute):
        return standing.hold(f"the backlog does not keep {here} busy: holding")
    return standing.hold(f"no backlog: {here} is enough, holding")


# -------------------------------------------------------------------- rules 11 and 12


def _tried(standing: Standing, minute: Minute) -> Verdict | None:
    """A level that is only tried, or was cut to, is judged by its ratios, a period before its sums
    are complete; one that is tried is left half a period earlier still where it does clearly less.
    """
    levels, here = standing.state.levels, standing.here
    best = levels.best
    if best is None or best.concurrency == here or not standing.is_behind(minute):
        return None
    level, is_whole = standing.level(minute), standing.is_whole(minute)
    judged = replace(standing, state=replace(standing.state, judged=minute.at))
    if standing.state.cut is not None:
        return _again(judged, level) if is_whole else None
    if here < best.concurrency or level.throughput >= _FAILED * best.throughput:
        return _improved(judged, level) or _search(judged, level, minute) if is_whole else None
    why = f"{here} does about {level.throughput:,.0f} events/s: back to {best.concurrency}"
    return judged.go(best.concurrency, why, levels=standing.learned(level))


def _again(standing: Standing, level: Level) -> Verdict | None:
    """Whether the database is what it was before it changed: by what is done now, or was then."""
    return returned(standing, level) or cutting.needless(standing, level)


def _improved(standing: Standing, level: Level) -> Verdict | None:
    state = standing.state
    before = state.levels.expected(level.concurrency)
    if before is None or level.throughput < _MORE * before:
        return None
    why = (
        f"{level.throughput:,.0f} events/s where {before:,.0f} were to be expected: the database "
        "has changed for the better"
    )
    newest = standing.fresh()
    if newest is not None and standing.is_behind(newest):
        level = max(level, standing.level_by_ratios(newest), key=lambda of: of.throughput)
    state = eager(replace(state, levels=forgotten(level), shelf=Shelf()), standing)
    standing = replace(standing, state=state)
    if not _is_quick(standing, level):
        return standing.hold(why)
    moved = _move(standing, level, None)
    return replace(moved, why=f"{why}; {moved.why}")


def _search(standing: Standing, level: Level, minute: Minute) -> Verdict:
    learned = replace(standing.state, levels=standing.learned(level))
    return _move(replace(standing, state=learned), level, minute)


def _move(standing: Standing, level: Level, minute: Minute | None) -> Verdict:
    state = standing.state
    terrain = Terrain(
        steps=standing.steps,
        veto=_veto(standing, minute),
        rest="it was cut a moment ago" if standing.seen.at < state.cool else "",
        far=_far(standing, level),
        wary=state.proven == 0,
        lowering=state.lowering,
        quick=_is_quick(standing, level),
        due=is_due(standing),
        drift=drift(state),
    )
    move = next_move(state.levels, level.concurrency, terrain)
    if move.rests:
        state = replace(state, proven=move.to, lowering=False)
    elif move.lowers:
        state = replace(state, lowering=True)
    if move.looks:
        state = patient(state, standing)
    elif move.to != standing.here and state.levels.get(move.to) is None:
        state = eager(state, standing)
    return Verdict(to=move.to, why=move.why, state=state)


def _veto(standing: Standing, minute: Minute | None) -> str:
    """Why nothing may be raised now, whatever the throughput promises."""
    if minute is None:
        return ""
    cpu, bounds = minute.cpu, standing.bounds
    grown = minute.capacity is None or minute.capacity >= bounds.cpu_limit
    if cpu is not None and cpu >= bounds.cpu_limit and grown:
        return f"the database's processor is at {cpu:.0f} %"
    if minute.connections is not None and minute.connections >= bounds.connections_limit:
        return f"{minute.connections:.0f} % of the proxy's connections are in use"
    return ""


def _far(standing: Standing, level: Level) -> int:
    """How high the next try may be: while the database is quick twice the level in use, but not
    above the one that was best when all was well.
    """
    if not _is_quick(standing, level):
        return 0
    return min(2 * standing.here, standing.state.former or 2 * standing.here)


def _is_quick(standing: Standing, level: Level) -> bool:
    return level.service_ms <= _QUICK * standing.state.quickest
