"""Lanes that can only be walked straight ahead, as nearly all can: nothing is asked about them.

An order is open, and the events of its lane carry the very next versions, one after the other. So
no version of theirs is in the ledger, and the lot of an open order holds nothing in the way. One
thing is left that could be known of such an event: its id under another version, a conflict. The
ledger's key on `(order_id, id)` refuses that; then the transaction is done again with everything
asked (`consumer.transaction`). A walk is the sequencer's rule 6, of which the other rules leave
nothing over; the first event that does not apply is rule 7's, and the rest is asked about.
"""

from collections.abc import Mapping, Sequence

import msgspec

from consumer.arrivals import Arrival
from consumer.order import Decided, Entry, Failure, Head, State
from consumer.sequencer import Apply

PARTS = 3
WORTH_DIVIDING = 100
"""Events, which the simulation makes fewer."""


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """How far a lane could be walked: all of it, unless there is a `failure`, which is that of the
    first event of the `rest`.
    """

    head: Head
    applied: tuple[Entry, ...]
    rest: Sequence[Arrival] = ()
    failure: Failure | None = None

    def decided(self) -> Decided:
        """What became of a lane that was walked to its end."""
        return Decided(head=self.head, applied=self.applied)

    def applying(self, apply: Apply) -> Apply:
        """`apply` for the rest: what has failed is not run again, half done as it may be."""
        return lambda arrival: self.failure if arrival is self.rest[0] else apply(arrival)

    def before(self, decided: Decided) -> Decided:
        """What became of the whole lane, if this of the rest."""
        return msgspec.structs.replace(decided, applied=(*self.applied, *decided.applied))


def straight(head: Head, lane: Sequence[Arrival]) -> bool:
    """Whether nothing has to be asked about these events: see the module. Where an operator has
    decided, what came before may come again at any version.
    """
    if head.state is not State.OPEN or head.versioned is False or head.decided:
        return False
    for ordinal, arrival in enumerate(lane, head.ordinal + 1):
        if arrival.event is None or arrival.event.version != ordinal:
            return False
    return True


def divided(lanes: Mapping[str, Sequence[Arrival]]) -> list[dict[str, Sequence[Arrival]]]:
    """The lanes in parts of about as many events: while the server takes one part in, the next is
    walked. One part where they are so few that another is not worth a statement.
    """
    events = sum(map(len, lanes.values()))
    parts: list[dict[str, Sequence[Arrival]]] = [{}]
    taken = 0
    for order_id, lane in lanes.items():
        if events >= WORTH_DIVIDING and taken >= len(parts) * events / PARTS:
            parts.append({})
        parts[-1][order_id] = lane
        taken += len(lane)
    return parts


def walk(head: Head, lane: Sequence[Arrival], apply: Apply) -> Walk:
    """Apply the events of a lane that is straight, up to the first that the projection refuses."""
    applied: list[Entry] = []
    failure = None
    ordinal, position = head.ordinal, head.position
    for arrival in lane:
        failure = apply(arrival)
        if failure is not None:
            break
        ordinal += 1
        applied.append(Entry(arrival, ordinal))
        if position is None or arrival.position > position:
            position = arrival.position
    if not applied:
        return Walk(head=head, applied=(), rest=lane, failure=failure)
    moved = msgspec.structs.replace(head, versioned=True, ordinal=ordinal, position=position)
    return Walk(head=moved, applied=tuple(applied), rest=lane[len(applied) :], failure=failure)
