"""Marked careful mode: name what is worked on before working on it, so that a death is about it.

A batch in which nobody ever died is one transaction under the marker it began with. One that is
suspected (`suspicion`) is taken apart: what nobody suspects first, so that it flows whatever
happens after, then the suspected orders event by event. An event that enough deaths name is parked
without being run, and its followers behind it.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from consumer.arrivals import Arrival
from consumer.attempts import Attempts
from consumer.careful import Careful, blame_for
from consumer.delivery import Delivery
from consumer.lanes import Lanes
from consumer.order import Failure, Reason
from consumer.suspicion import Suspicion
from consumer.transaction import Committed, Terms, TransactionFailed
from contract import Position


class Marked:
    """Applies lanes and drains lots under markers. An event that `deaths` name is a killer."""

    def __init__(
        self,
        attempts: Attempts,
        careful: Careful,
        delivery: Delivery,
        suspicion: Suspicion,
        deaths: int,
    ) -> None:
        self._attempts = attempts
        self._careful = careful
        self._delivery = delivery
        self._suspicion = suspicion
        self._deaths = deaths

    def apply(self, plans: Sequence[Lanes]) -> Iterator[Committed]:
        """The lanes of each chunk; raises `Interrupted` when the rest has to wait."""
        yield from self._apply(plans)
        put_off = self._careful.put_off()
        if put_off:
            yield from self._apply([put_off])

    def drain(self, order_id: str) -> Iterator[Committed]:
        """Go on applying an order's lot, entry by entry if the order is suspected."""
        if not self._suspicion.suspects(order_id):
            self._delivery.name(order_id)
            yield from self._careful.drain(order_id)
            return
        drainable = True
        while drainable:
            position = self._next_to_drain(order_id)
            if position is None:
                return
            committed = self._drain_one(order_id, position)
            yield committed
            drainable = bool(committed.drainable)

    def _apply(self, plans: Sequence[Lanes]) -> Iterator[Committed]:
        for lanes in plans:
            last = lanes is plans[-1] and not self._suspicion
            yield from self._unsuspected(lanes, self._delivery.environment if last else None)
        for lanes in plans:
            for order_id, lane in lanes.items():
                if order_id is not None and self._suspicion.suspects(order_id):
                    for arrival in lane:
                        yield from self._event(order_id, arrival)

    def _unsuspected(self, lanes: Lanes, ends: UUID | None) -> Iterator[Committed]:
        rest = {o: lane for o, lane in lanes.items() if not self._suspicion.suspects(o)}
        if self._suspicion.everything:
            yield from self._one_by_one(rest)
        elif rest:
            self._delivery.name()
            yield from self._careful.apply(rest, ends=ends)

    def _one_by_one(self, lanes: Lanes) -> Iterator[Committed]:
        for order_id, lane in lanes.items():
            if order_id is None:  # bytes of no known order: nothing is run
                yield from self._careful.apply({None: lane})
            elif len(lane) == 1:
                yield from self._event(order_id, lane[0])
            else:
                self._delivery.name(order_id)
                yield from self._careful.apply({order_id: lane})

    def _event(self, order_id: str, arrival: Arrival) -> Iterator[Committed]:
        killer = self._killer(order_id, arrival.position)
        forget = self._markers(order_id, arrival.position)
        if killer is not None:
            self._delivery.name(order_id)
            yield from self._careful.park(order_id, arrival, killer, forget=forget)
        else:
            self._delivery.name(order_id, arrival.position)
            yield from self._careful.alone(order_id, arrival, forget=forget)

    def _drain_one(self, order_id: str, position: Position) -> Committed:
        lane: Lanes = {order_id: ()}
        terms = Terms(only=position, forget=self._markers(order_id, position))
        blame = self._killer(order_id, position)
        if blame is None:
            self._delivery.name(order_id, position)
            try:
                return self._careful.commit(lane, drain=1, terms=terms)
            except TransactionFailed as failed:
                blame = blame_for(failed)
        self._delivery.name(order_id)
        return self._careful.commit(lane, drain=1, blame=blame, terms=terms)

    def _next_to_drain(self, order_id: str) -> Position | None:
        return self._attempts.run(lambda t: t.next_to_drain(order_id), events=1)

    def _killer(self, order_id: str, position: Position) -> Failure | None:
        return killer(self._suspicion, self._deaths, order_id, position)

    def _markers(self, order_id: str, position: Position) -> tuple[UUID, ...]:
        return self._suspicion.markers.get((order_id, position), ())


def killer(
    suspicion: Suspicion, most: int, order_id: str, position: Position | None
) -> Failure | None:
    """What an event is parked with, unrun, that `most` deaths name; None if fewer do."""
    deaths = suspicion.deaths.get((order_id, position), 0) if position else 0
    if deaths < most:
        return None
    return Failure(
        Reason.KILLER,
        f"the process died {deaths} times while it was applying this event and nothing else",
    )
