"""Takes lanes and lots apart as far as the evidence asks for, saying what comes before it comes.

With no evidence a chunk is one transaction. Else what nobody suspects comes first, so that it flows
whatever happens after, then the suspected orders, event by event. An event that enough deaths name
is parked without being run, and its followers behind it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from uuid import UUID

from consumer.apart.evidence import At, Evidence
from consumer.arrivals import Arrival
from consumer.attempts import Attempts
from consumer.careful import Careful, blame_for
from consumer.lanes import Lanes
from consumer.order import Failure, Reason
from consumer.terms import Committed, Terms
from consumer.transaction import TransactionFailed
from contract import Position

_MANY = 3
"""Suspected orders that nobody waits for any longer: they are seen through to the end first."""


class Piecewise:
    """Applies lanes and drains lots. An event that `deaths` name is a killer.

    `at` hears what is worked on next. With `ends` that environment's marker ends with the last
    transaction of the lanes, if nothing is left to do after it.
    """

    def __init__(
        self,
        attempts: Attempts,
        careful: Careful,
        evidence: Evidence,
        deaths: int,
        *,
        at: Callable[[At], None] = lambda _: None,
        ends: UUID | None = None,
    ) -> None:
        self._attempts = attempts
        self._careful = careful
        self._evidence = evidence
        self._deaths = deaths
        self._at = at
        self._ends = ends

    def apply(
        self, plans: Sequence[Lanes], *, drainable: Iterable[str] = ()
    ) -> Iterator[Committed]:
        """The lanes of each chunk, then the lots that one transaction was not enough for, and
        those known to be `drainable`; raises `Interrupted` when the rest has to wait. What is left
        in a lot for want of time keeps its order, and goes on with the order's next event.
        """
        left = dict.fromkeys(drainable)
        for committed in self._lanes(plans):
            left.update(dict.fromkeys(committed.drainable))
            yield committed
        for order_id in left:
            yield from self._drain(order_id)

    def _lanes(self, plans: Sequence[Lanes]) -> Iterator[Committed]:
        yield from self._apply(plans)
        put_off = self._careful.put_off()
        if put_off:
            yield from self._apply([put_off])

    def _apply(self, plans: Sequence[Lanes]) -> Iterator[Committed]:
        suspected = {o for lanes in plans for o in lanes if self._evidence.suspects(o)}
        if len(suspected) >= _MANY:
            yield from self._suspected(plans)
        for lanes in plans:
            last = lanes is plans[-1] and not self._evidence
            yield from self._unsuspected(lanes, self._ends if last else None)
        if len(suspected) < _MANY:
            yield from self._suspected(plans)

    def _suspected(self, plans: Sequence[Lanes]) -> Iterator[Committed]:
        for lanes in plans:
            for order_id, lane in lanes.items():
                if order_id is not None and self._evidence.suspects(order_id):
                    for arrival in lane:
                        yield from self._event(order_id, arrival)

    def _unsuspected(self, lanes: Lanes, ends: UUID | None) -> Iterator[Committed]:
        rest = {o: lane for o, lane in lanes.items() if not self._evidence.suspects(o)}
        if self._evidence.everything:
            yield from self._one_by_one(rest)
        elif rest:
            self._at(At())
            yield from self._careful.apply(rest, ends=ends)

    def _one_by_one(self, lanes: Lanes) -> Iterator[Committed]:
        for order_id, lane in lanes.items():
            if order_id is None:  # bytes of no known order: nothing is run
                self._at(At())
                yield from self._careful.apply({None: lane})
            elif len(lane) == 1:
                yield from self._event(order_id, lane[0])
            else:
                self._at(At(order_id))
                yield from self._careful.apply({order_id: lane})

    def _event(self, order_id: str, arrival: Arrival) -> Iterator[Committed]:
        blame = killer(self._evidence, self._deaths, order_id, arrival.position)
        if blame is not None:
            self._at(At(order_id))
            yield from self._careful.park(order_id, arrival, blame)
        else:
            self._at(At(order_id, arrival.position))
            yield from self._careful.alone(order_id, arrival)

    def _drain(self, order_id: str) -> Iterator[Committed]:
        """Go on applying an order's lot, entry by entry if the order is suspected."""
        self._at(At(order_id))
        if not self._evidence.suspects(order_id):
            yield from self._careful.drain(order_id)
            return
        drainable = True
        while drainable:
            position = self._attempts.run(lambda t: t.next_to_drain(order_id), events=1)
            if position is None:
                return
            committed = self._drain_one(order_id, position)
            yield committed
            drainable = bool(committed.drainable)

    def _drain_one(self, order_id: str, position: Position) -> Committed:
        lane: Lanes = {order_id: ()}
        terms = Terms(only=position)
        blame = killer(self._evidence, self._deaths, order_id, position)
        if blame is None:
            self._at(At(order_id, position))
            try:
                return self._careful.commit(lane, drain=1, terms=terms)
            except TransactionFailed as failed:
                blame = blame_for(failed)
        self._at(At(order_id))
        return self._careful.commit(lane, drain=1, blame=blame, terms=terms)


def killer(
    evidence: Evidence, most: int, order_id: str, position: Position | None
) -> Failure | None:
    """What an event is parked with, unrun, that `most` deaths name; None if fewer do."""
    deaths = evidence.deaths.get((order_id, position), 0) if position else 0
    if deaths < most:
        return None
    return Failure(
        Reason.KILLER,
        f"{deaths} processes died while they were applying this event and nothing else",
    )
