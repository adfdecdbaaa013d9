"""Decides what becomes of every event of one order. Pure: no database, no clock.

Theory of operation
===================

An order's events form one sequence. Its head says how far that sequence has been walked; the
ledger holds what lies behind the head, the parking lot what lies ahead of it or beside it. An
event may only be applied when it is the very next one and nothing earlier waits. So each event,
taken in stream order, meets the first of these rules that matches (the state is the one the event
before it left behind):

    | the event …                                        | OPEN      | GAP       | PARKED    |
    |----------------------------------------------------|-----------|-----------|-----------|
    | 1 is a proven duplicate: ledger, lot or this lane  | skip      | skip      | skip      |
    | 2 is unreadable, of the wrong kind, in conflict    |           |           |           |
    |   with a known one, or was overtaken upstream      | blocker   | blocker   | blocker   |
    | 3 lies behind the head, and nothing is known of it | stray     | stray     | stray     |
    | 4 arrives while something waits for a decision     | –         | –         | follower  |
    | 5 is further ahead than the next version           | gap       | gap       | –         |
    | 6 is the next one, and applies                     | advance   | and drain | –         |
    | 7 is the next one, and does not                    | blocker   | blocker   | –         |

Why this keeps the promises. *Order*: only rule 6 advances, by one place, under the head's lock.
*No overtaking*: a blocker leaves the state PARKED, in which rule 6 cannot match. *Once*: rule 1
asks for proof, the event's own identity and content; a position or a version behind the head is
none (rule 3 keeps the event rather than guess). *No loss*: every rule ends in the ledger, in the
lot, or in proof that the event is in one of them already.

After a change the state follows from what is left in the lot: nothing, OPEN; no blocker and a
hole before the first entry, GAP; else PARKED. An order that is PARKED without a blocker has
entries that could be applied now and only wait for their turn, because one transaction drains a
bounded number: it is *drainable*, and the next transaction goes on.
"""

from bisect import insort
from collections.abc import Callable, Iterable

from consumer.arrivals import Arrival
from consumer.order import (
    Decided,
    Entry,
    Failure,
    Head,
    Kind,
    Order,
    Reason,
    State,
    Waiting,
)
from consumer.proof import Proof
from contract import Position
from contract.event import MAX_VERSION

Apply = Callable[[Arrival], Failure | None]
"""Lets the projection apply a readable event; None if it did, else why not."""

_FOLLOWS = Failure(Reason.FOLLOWS, "an earlier event of this order waits for a decision")


def decide(
    order: Order,
    lane: Iterable[Arrival],
    apply: Apply,
    *,
    drain: int,
    blame: Failure | None = None,
) -> Decided:
    """Decide a lane, at most `drain` entries of the lot along with it.

    With `blame` nothing is applied: careful mode has found that what comes next makes the write
    fail, and this is what it is parked with.
    """
    sequencer = _Sequencer(order, apply, drain, blame)
    if sequencer.drainable:
        sequencer.drain()
    for arrival in lane:
        sequencer.take(arrival)
    return sequencer.decided()


def drainable(order: Order) -> bool:
    """Whether entries of its lot could be applied now and only wait for their turn."""
    return order.head.state is State.PARKED and not order.blocked and bool(order.waiting)


class _Sequencer:
    """The working state of one order while its lane is decided."""

    def __init__(self, order: Order, apply: Apply, drain: int, blame: Failure | None) -> None:
        self._apply = apply
        self._budget = min(drain, len(order.waiting) - 1) if order.cut else drain
        self._blame = blame
        head = order.head
        self._order_id = head.order_id
        self._versioned = head.versioned
        self._ordinal = head.ordinal
        self._position = head.position
        self._state = head.state
        self._decided = head.decided
        self._blocked = order.blocked
        self._last_rank = order.last_rank
        self._waiting = list(order.waiting)
        self._proof = Proof(order.facts, order.positions, order.settled)
        self._applied: list[Entry] = []
        self._strays: list[Waiting] = []
        self._drained: list[int] = []
        self._refused: list[Waiting] = []
        self._duplicates = 0

    @property
    def drainable(self) -> bool:
        return self._state is State.PARKED and not self._blocked

    def take(self, arrival: Arrival) -> None:
        """Rules 1 to 7 for the next event of the lane."""
        if self._proof.duplicate(arrival):
            self._duplicates += 1
            return
        failure = self._refusal(arrival)
        if failure is not None:
            self._park(arrival, Kind.BLOCKER, failure)
        elif arrival.version is not None and arrival.version <= self._ordinal:
            self._park(arrival, Kind.STRAY, _unproven(arrival.version, self._ordinal))
        elif self._state is State.PARKED:
            self._park(arrival, Kind.FOLLOWER, _FOLLOWS)
        elif arrival.version is not None and arrival.version > self._ordinal + 1:
            self._park(arrival, Kind.GAP, _early(arrival.version, self._ordinal))
        else:
            self._next(arrival)
        self._recompute()

    def drain(self) -> None:
        """Apply what the lot holds next, head first, until it has a hole, a blocker or enough."""
        while self._waiting and self._budget > 0 and not self._blocked:
            first = self._waiting[0]
            if self._versioned and first.rank > self._ordinal + 1:
                break
            self._budget -= 1
            failure = self._try(first.arrival)
            if failure is not None:
                self._refuse(first, failure)
                break
            del self._waiting[0]
            if first.entry_id is not None:
                self._drained.append(first.entry_id)
        self._recompute()

    def decided(self) -> Decided:
        return Decided(
            head=Head(
                order_id=self._order_id,
                versioned=self._versioned,
                ordinal=self._ordinal,
                position=self._position,
                state=self._state,
                decided=self._decided,
            ),
            applied=tuple(self._applied),
            parked=(*(w for w in self._waiting if w.entry_id is None), *self._strays),
            drained=tuple(self._drained),
            refused=tuple(self._refused),
            duplicates=self._duplicates,
            drainable=self.drainable,
        )

    def _refusal(self, arrival: Arrival) -> Failure | None:
        """Rule 2: why this event needs a decision, whatever the state."""
        if arrival.event is None:
            return Failure(Reason.UNREADABLE, arrival.problem)
        versioned = arrival.version is not None
        if self._versioned is None:
            self._versioned = versioned
        elif self._versioned is not versioned:
            return _wrong_kind(order_is_versioned=self._versioned)
        conflict = self._proof.conflict(arrival)
        if conflict is not None:
            return conflict
        if not versioned and self._position is not None and arrival.position < self._position:
            return Failure(
                Reason.OVERTAKEN,
                f"stands at {arrival.position} on the stream, and the order has already taken in "
                f"an event at {self._position}",
            )
        return None

    def _next(self, arrival: Arrival) -> None:
        failure = self._try(arrival)
        if failure is not None:
            self._park(arrival, Kind.BLOCKER, failure)
            return
        self._proof.add(arrival)
        self._position = _later(self._position, arrival.position)
        if self._waiting:
            self.drain()

    def _try(self, arrival: Arrival) -> Failure | None:
        failure = self._blame or self._apply(arrival)
        if failure is None:
            self._ordinal += 1
            self._applied.append(Entry(arrival, self._ordinal))
        return failure

    def _park(self, arrival: Arrival, kind: Kind, failure: Failure) -> None:
        self._proof.add(arrival)
        version = arrival.version if self._versioned else None
        rank = self._rank_behind_all() if version is None else version
        entry = Waiting(arrival=arrival, rank=rank, kind=kind, failure=failure)
        if kind is Kind.STRAY:
            self._strays.append(entry)
            return
        self._last_rank = max(self._last_rank, rank)
        self._position = _later(self._position, arrival.position)
        self._blocked |= kind is Kind.BLOCKER
        insort(self._waiting, entry, key=lambda waiting: waiting.place)

    def _rank_behind_all(self) -> int:
        """After all that is known; behind the largest version, the order of arrival tells."""
        return min(max(self._last_rank, self._ordinal) + 1, MAX_VERSION)

    def _refuse(self, entry: Waiting, failure: Failure) -> None:
        """What waited was next and failed: it needs a decision now."""
        self._blocked = True
        refused = Waiting(
            arrival=entry.arrival,
            rank=entry.rank,
            kind=Kind.BLOCKER,
            failure=failure,
            entry_id=entry.entry_id,
        )
        self._waiting[0] = refused
        if entry.entry_id is not None:
            self._refused.append(refused)

    def _recompute(self) -> None:
        if not self._waiting:
            self._state = State.PARKED if self._blocked else State.OPEN
        elif not self._blocked and self._versioned and self._waiting[0].rank > self._ordinal + 1:
            self._state = State.GAP
        else:
            self._state = State.PARKED


def _later(known: Position | None, position: Position) -> Position:
    return position if known is None or position > known else known


def _unproven(version: int, ordinal: int) -> Failure:
    return Failure(
        Reason.UNPROVEN,
        f"version {version} lies behind the order's {ordinal} and the ledger does not know it: "
        "a duplicate of something pruned, or of a version that was skipped",
    )


def _early(version: int, ordinal: int) -> Failure:
    return Failure(
        Reason.EARLY, f"version {version} arrived while version {ordinal + 1} is missing"
    )


def _wrong_kind(*, order_is_versioned: bool) -> Failure:
    if order_is_versioned:
        return Failure(Reason.WRONG_KIND, "has no version, and this order's events carry versions")
    return Failure(Reason.WRONG_KIND, "has a version, and this order's events carry none")
