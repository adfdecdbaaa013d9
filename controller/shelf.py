"""What was known of the database before rows became dear, and how it is known again. Pure.

A stall ends, a neighbour leaves: then the database is as it was, and all that was known of it is
true again. A level that does what it did then says so. It would not if capacity were still missing:
a cut is made when rows take half as long again, and by the scalability law a level so deep below
then does a fifth less than it did, or worse.
"""

from msgspec.structs import replace

from controller.levels import Level
from controller.patience import eager
from controller.standing import Standing, Verdict
from controller.state import Shelf, State

_SAME = 0.1
"""The share by which what a level does may differ from what it did in the same database."""

_SOON_PERIODS = 4
"""How long after a change it may turn out that all is as it was; and a change that follows upon
that so soon says that it was not.
"""


def shelved(standing: Standing) -> State:
    """The state with what is known put away, for the database has become another one; what was put
    away before stays where too little is known to be worth it.
    """
    state, shelf = standing.state, standing.state.shelf
    kept = state.levels if state.levels.are_established else shelf.levels
    return replace(state, shelf=replace(shelf, levels=kept, since=standing.seen.at))


def returned(standing: Standing, level: Level) -> Verdict | None:
    """Back to what was best, where soon after a change a level does what it did before it."""
    known, shelf = known_before(standing, level.concurrency), standing.state.shelf
    if known is None or _is_soon(standing, shelf.returned, shelf.since):
        return None
    does, took = level.throughput / known.throughput, level.service_ms / known.service_ms
    if max(abs(does - 1), took - 1) > _SAME:
        return None
    return taken_down(standing, f"{level.concurrency} does {level.throughput:,.0f} events/s")


def known_before(standing: Standing, concurrency: int) -> Level | None:
    """What was known of a level in the database of the shelf, soon after it was put there."""
    known = standing.state.shelf.levels.get(concurrency)
    is_known = known is not None and known.minutes > 0
    soon = _is_soon(standing, standing.state.shelf.since, standing.seen.at)
    return known if is_known and soon else None


def taken_down(standing: Standing, because: str) -> Verdict:
    """What was put away is true again."""
    state, shelf = standing.state, standing.state.shelf.levels
    empty = Shelf(returned=standing.seen.at)
    again = replace(state, levels=shelf, shelf=empty, cut=None)
    to = standing.here if shelf.best is None else shelf.best.concurrency
    why = f"{because}, as before: the database is what it was, back to {to}"
    return Verdict(to=to, why=why, state=eager(again, standing))


def _is_soon(standing: Standing, after: float, at: float) -> bool:
    return at - after <= _SOON_PERIODS * standing.bounds.period
