"""When a neighbour of the best level is looked at again. Pure."""

from msgspec.structs import replace

from controller.standing import Standing
from controller.state import MOST_PATIENCE, PATIENCE, State

_DRIFT = 0.1
"""The share by which the best level does another amount that makes it worth to look again."""


def eager(state: State, standing: Standing) -> State:
    """Something is different: look again soon."""
    return _again_in(PATIENCE, state, standing)


def patient(state: State, standing: Standing) -> State:
    """A look is taken that may be in vain: the next one later."""
    return _again_in(min(2 * state.patience, MOST_PATIENCE), state, standing)


def is_due(standing: Standing) -> bool:
    return standing.seen.at >= standing.state.retry


def drift(state: State) -> float:
    """By which share the best level does another amount than when its neighbours were looked at;
    0 while that is hardly so.
    """
    best, anchor = state.levels.best, state.anchor
    if best is None or anchor == 0:
        return 0.0
    share = best.throughput / anchor - 1
    return share if abs(share) > _DRIFT else 0.0


def _again_in(periods: int, state: State, standing: Standing) -> State:
    best = state.levels.best
    return replace(
        state,
        retry=standing.seen.at + periods * standing.bounds.period,
        patience=periods,
        anchor=0.0 if best is None else best.throughput,
    )
