"""What the controller remembers from one period to the next."""

import msgspec

from contract import InorderError
from controller.breaker import FIRST_WAIT, LONGEST_WAIT, Breaker
from controller.hand import Hand
from controller.levels import Levels
from controller.retention import Age

PATIENCE = 8
MOST_PATIENCE = 32
"""Periods until a neighbour that did no better is looked at again: doubling, unless one did."""


class UnreadableState(InorderError):
    """The remembered state cannot be read: it is begun anew, from the mapping as it is."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The mapping's settings as decided; window in seconds."""

    enabled: bool
    factor: int
    batch_size: int
    window: int


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A cut whose effect was not seen yet: from which level, and when."""

    origin: int
    at: float


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """What was known of the database before it became another one `since` then; when it was last
    found to be what it was.
    """

    levels: Levels = Levels()
    since: float = 0.0
    returned: float = 0.0


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds since 1970.

    `wanted` is what was decided last, for so many `shards`; None before anything was. `judged` is
    the newest minute that was learned from; minutes before `settled` saw a change and say nothing.
    `proven` is the concurrency found best last, or in use before any was; `quickest` the least
    service time per row ever seen, in milliseconds. `stopped`: the mapping is disabled by us.
    `failing`: minutes in a row with failures. Nothing is raised before `cool`. `cut` is the one
    made because rows took too long, until it is judged. `former` is the highest concurrency that
    was best before rows became dear. `raised`: the last change was upwards. `retry` is when a
    neighbour may be looked at again, `anchor` the throughput (events/s) when one was looked for.
    `lowering`: the search began downwards from what somebody else had set. `shelf` is what was
    known of the database when it was another one. `reasons` are the last decision's, for whoever
    asks.
    """

    wanted: Wanted | None = None
    shards: int = 0
    breaker: Breaker = Breaker()
    levels: Levels = Levels()
    judged: float = 0.0
    settled: float = 0.0
    proven: int = 0
    quickest: float = 0.0
    stopped: bool = False
    failing: int = 0
    cool: float = 0.0
    cut: Cut | None = None
    raised: bool = False
    former: int = 0
    lowering: bool = False
    shelf: Shelf = Shelf()
    retry: float = 0.0
    patience: int = PATIENCE
    anchor: float = 0.0
    age: Age = Age()
    hand: Hand = Hand()
    at: float = 0.0
    reasons: tuple[str, ...] = ()


def read(text: str) -> State:
    """The state in a parameter's value, `State()` for an empty object; raises `UnreadableState`."""
    try:
        found = msgspec.json.decode(text, type=State)
    except msgspec.DecodeError as error:
        raise UnreadableState(f"the state parameter cannot be read: {error}") from None
    for level in (*found.levels.known, *found.shelf.levels.known):
        positive = min(level.concurrency, level.throughput, level.service_ms, level.usual_ms)
        if positive <= 0 or level.busy < 0:
            raise UnreadableState(f"the state parameter holds a level that cannot be: {level}")
    return found


def as_of(state: State, at: float, period: float) -> State:
    """The state with nothing in it that lies further ahead than a decision puts it: a parameter
    that somebody wrote, or a clock that was set back, must not make the controller wait for ever.
    """
    breaker, cut, shelf = state.breaker, state.cut, state.shelf
    return msgspec.structs.replace(
        state,
        judged=min(state.judged, at),
        settled=min(state.settled, at + 2 * period),
        cool=min(state.cool, at + MOST_PATIENCE * period),
        retry=min(state.retry, at + MOST_PATIENCE * period),
        patience=min(max(state.patience, PATIENCE), MOST_PATIENCE),
        cut=None if cut is None or cut.at > at else cut,
        shelf=Shelf() if max(shelf.since, shelf.returned) > at else shelf,
        breaker=msgspec.structs.replace(
            breaker,
            since=min(breaker.since, at),
            wait=min(max(breaker.wait, FIRST_WAIT), LONGEST_WAIT),
        ),
    )


def write(state: State) -> str:
    """The parameter's value; under the 4,096 characters that a standard parameter holds."""
    return msgspec.json.encode(_rounded(state)).decode()


def _rounded(state: State) -> State:
    reasons = tuple(reason[:300] for reason in state.reasons[:6])
    shelf = msgspec.structs.replace(state.shelf, levels=_shortened(state.shelf.levels))
    return msgspec.structs.replace(
        state, levels=_shortened(state.levels), shelf=shelf, reasons=reasons
    )


def _shortened(levels: Levels) -> Levels:
    shortened = (
        msgspec.structs.replace(
            level,
            throughput=round(level.throughput, 2),
            service_ms=round(level.service_ms, 5),
            busy=round(level.busy, 3),
            usual_ms=round(level.usual_ms, 5),
            at=round(level.at),
        )
        for level in levels.known
    )
    return Levels(tuple(shortened))
