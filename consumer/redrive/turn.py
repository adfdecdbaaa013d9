"""Decides one turn of a redrive: what becomes of the first entries of an order's lot. Pure.

The rules are those of live traffic (`consumer.sequencer`), read for an event that has been taken
in before: see the package for the table and for why it is right.
"""

from collections.abc import Callable, Iterable

import msgspec

from consumer.arrivals import Arrival
from consumer.order import Entry, Fact, Failure, Head, Kind, Reason, State, Waiting
from consumer.proof import Proof
from contract import Position

Apply = Callable[[Arrival], Failure | None]


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn may rest on, read under the head's lock.

    `entries` are the first of the lot in redrive order, `more` tells whether others follow them
    and `blocked_behind` whether one of those needs a decision. `facts` is what the ledger knows
    under the entries' ids and versions. `highest_applied` is the highest position in the ledger;
    None where no entry was overtaken, for nobody else is asked for it.
    """

    head: Head
    entries: tuple[Waiting, ...]
    more: bool = False
    blocked_behind: bool = False
    facts: tuple[Fact, ...] = ()
    highest_applied: Position | None = None


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn does: the rows to write, and how the redrive goes on.

    `removed` are the entries that are out of the lot, applied or proven duplicates. `refused` is
    the entry that failed and `moved` the one that takes another place. `waits_for` is the version
    that is missing. `goes_on` tells that nothing but the bound on one transaction hinders.
    """

    head: Head
    applied: tuple[Entry, ...] = ()
    removed: tuple[int, ...] = ()
    refused: Waiting | None = None
    moved: Waiting | None = None
    waits_for: int | None = None
    goes_on: bool = False

    @property
    def duplicates(self) -> int:
        return len(self.removed) - len(self.applied)


def take_turn(lot: Lot, apply: Apply, *, blame: Failure | None = None) -> Turn:
    """Try the entries head first; stop at the first that fails.

    With `blame` the first entry is not applied: it is known to make the write fail.
    """
    return _Turn(lot, apply, blame).run()


def state_after(
    head: Head, waiting: Iterable[Waiting], *, more: bool = False, blocked_behind: bool = False
) -> State:
    """The state that follows from what is left in the lot, `waiting` being its first entries."""
    left = list(waiting)
    if not left:
        return State.PARKED if more else State.OPEN
    blocked = blocked_behind or any(entry.kind is Kind.BLOCKER for entry in left)
    if not blocked and head.versioned and left[0].rank > head.ordinal + 1:
        return State.GAP
    return State.PARKED


class _Turn:
    def __init__(self, lot: Lot, apply: Apply, blame: Failure | None) -> None:
        self._lot = lot
        self._apply = apply
        self._blame = blame
        self._head = lot.head
        self._highest = lot.highest_applied
        self._proof = Proof(lot.facts, ())
        self._left = list(lot.entries)
        self._applied: list[Entry] = []
        self._removed: list[int] = []
        self._refused: Waiting | None = None
        self._moved: Waiting | None = None

    def run(self) -> Turn:
        waits_for = None
        while self._left and self._refused is None and self._moved is None:
            first = self._left[0]
            if self._missing_before(first):
                waits_for = self._head.ordinal + 1
                break
            self._try(first)
        return self._result(waits_for)

    def _missing_before(self, entry: Waiting) -> bool:
        return bool(self._head.versioned) and entry.rank > self._head.ordinal + 1

    def _try(self, entry: Waiting) -> None:
        arrival = entry.arrival
        if self._proof.duplicate(arrival):
            self._remove(entry)
            return
        failure = self._refusal(entry)
        if failure is None and self._ahead(arrival):
            self._move(entry)
            return
        failure = failure or self._blame or self._apply(arrival)
        if failure is not None:
            self._refuse(entry, failure)
            return
        self._advance(arrival)
        self._remove(entry)

    def _refusal(self, entry: Waiting) -> Failure | None:
        """Why this event cannot be applied, whatever the projection says."""
        arrival, head = entry.arrival, self._head
        event = arrival.event
        if event is None:
            return Failure(Reason.UNREADABLE, arrival.problem)
        if event.order_id != head.order_id:
            return Failure(Reason.UNREADABLE, _OTHER_ORDER.format(event.order_id))
        if head.versioned is not None and head.versioned is not (event.version is not None):
            return Failure(Reason.WRONG_KIND, _WRONG_KIND)
        conflict = self._proof.conflict(arrival)
        if conflict is not None:
            return Failure(Reason.CONFLICT, f"{conflict.detail}: skip it, or edit it")
        if event.version is not None and event.version <= head.ordinal:
            return Failure(Reason.CONFLICT, _BEHIND.format(event.version, head.ordinal))
        return self._overtaken(entry)

    def _overtaken(self, entry: Waiting) -> Failure | None:
        highest, position = self._highest, entry.arrival.position
        if entry.failure.reason is not Reason.OVERTAKEN or highest is None or position > highest:
            return None
        return Failure(Reason.OVERTAKEN, _LATE.format(position, highest))

    def _ahead(self, arrival: Arrival) -> bool:
        return arrival.version is not None and arrival.version > self._head.ordinal + 1

    def _move(self, entry: Waiting) -> None:
        """Bytes that could not be read have a guessed rank: this is the event's own."""
        version = entry.arrival.version or entry.rank
        failure = Failure(
            Reason.EARLY, f"can be read now: version {version}, and an earlier one is missing"
        )
        self._moved = msgspec.structs.replace(entry, rank=version, kind=Kind.GAP, failure=failure)
        self._head = msgspec.structs.replace(self._head, versioned=True)
        self._left[0] = self._moved

    def _refuse(self, entry: Waiting, failure: Failure) -> None:
        self._refused = msgspec.structs.replace(entry, kind=Kind.BLOCKER, failure=failure)
        self._left[0] = self._refused

    def _advance(self, arrival: Arrival) -> None:
        ordinal = self._head.ordinal + 1
        self._applied.append(Entry(arrival, ordinal))
        if self._highest is None or arrival.position > self._highest:
            self._highest = arrival.position
        self._proof.add(arrival)
        self._head = msgspec.structs.replace(
            self._head, ordinal=ordinal, versioned=arrival.version is not None
        )

    def _remove(self, entry: Waiting) -> None:
        del self._left[0]
        if entry.entry_id is not None:
            self._removed.append(entry.entry_id)

    def _result(self, waits_for: int | None) -> Turn:
        lot = self._lot
        left = sorted(self._left, key=lambda entry: entry.place) if self._moved else self._left
        state = state_after(self._head, left, more=lot.more, blocked_behind=lot.blocked_behind)
        if self._moved and lot.more:  # what lies behind may come before it now
            state = State.PARKED
        return Turn(
            head=msgspec.structs.replace(self._head, state=state),
            applied=tuple(self._applied),
            removed=tuple(self._removed),
            refused=self._refused,
            moved=self._moved,
            waits_for=waits_for,
            goes_on=self._moved is not None or (lot.more and not (self._refused or waits_for)),
        )


_OTHER_ORDER = "reads as an event of order {!r}: skip it here and send it again"
_WRONG_KIND = (
    "some events of this order carry versions and this one does not, or the other way round: "
    "it can never be applied as it is; skip it, or edit it"
)
_BEHIND = "version {} lies behind the order's {}: it can never be applied; skip it, or edit it"
_LATE = (
    "stands at {} on the stream, and {} has been applied: applying it now would break the order; "
    "skip it, or answer for its place with edit"
)
