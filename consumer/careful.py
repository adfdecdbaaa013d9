"""Careful mode: the one way to find which event the data error of a whole transaction comes from.

Halve the orders until one is left, then its events. Only an event that fails alone, in a
transaction of its own, is blamed; what the halves without it hold is committed on the way.
"""

import logging
from collections.abc import Iterator

from consumer.arrivals import Arrival
from consumer.attempts import Attempts
from consumer.faults import describe
from consumer.lanes import Lanes
from consumer.order import Failure, Reason
from consumer.transaction import Committed, TransactionFailed
from contract import Position

log = logging.getLogger(__name__)


class Careful:
    """Commits lanes whole where it can, in ever smaller pieces where it must."""

    def __init__(self, attempts: Attempts, drain: int) -> None:
        self._attempts = attempts
        self._drain = drain
        self.finished: set[Position] = set()
        """Positions of the arrivals that are committed, whatever became of them."""

    def apply(self, lanes: Lanes) -> Iterator[Committed]:
        """Every transaction that committed; raises `Interrupted` when the rest has to wait."""
        return self._apply(lanes, self._drain)

    def _apply(self, lanes: Lanes, drain: int) -> Iterator[Committed]:
        try:
            committed = self._attempts.commit(lanes, drain=drain)
        except TransactionFailed as failed:
            log.warning("looking for the event to blame among %d orders: %s", len(lanes), failed)
            yield from self._in_halves(lanes)
        else:
            self.finished.update(a.position for lane in lanes.values() for a in lane)
            yield committed

    def _in_halves(self, lanes: Lanes) -> Iterator[Committed]:
        orders = list(lanes)
        middle = len(orders) // 2
        if middle:
            for half in (orders[:middle], orders[middle:]):
                yield from self._apply(
                    {order_id: lanes[order_id] for order_id in half}, self._drain
                )
            return
        ((order_id, lane),) = lanes.items()
        middle = len(lane) // 2
        if middle:
            # Nothing is drained along with them: an entry of the lot may be the one to blame.
            for part in (lane[:middle], lane[middle:]):
                yield from self._apply({order_id: part}, 0)
            return
        for arrival in lane:
            yield self._alone(order_id, arrival)

    def drain(self, order_id: str) -> Iterator[Committed]:
        """Go on applying an order's lot, in short transactions, until something hinders it."""
        lane: Lanes = {order_id: ()}
        entries = self._drain
        while True:
            blame = None
            try:
                committed = self._attempts.commit(lane, drain=entries)
            except TransactionFailed as failed:
                if entries > 1:
                    entries //= 2
                    continue
                blame = blame_for(failed)
                committed = self._attempts.commit(lane, drain=1, blame=blame)
            yield committed
            if not committed.drainable:
                return

    def _alone(self, order_id: str | None, arrival: Arrival) -> Committed:
        lane: Lanes = {order_id: (arrival,)}
        try:
            committed = self._attempts.commit(lane, drain=0)
        except TransactionFailed as failed:
            committed = self._attempts.commit(lane, drain=0, blame=blame_for(failed))
        self.finished.add(arrival.position)
        return committed


def blame_for(failed: TransactionFailed) -> Failure:
    """What an event is parked with that made a transaction fail in which it was alone."""
    what = {
        "LOAD": "loading the order",
        "SAVE": "saving the order",
        "COMMIT": "committing the order",
    }.get(failed.phase.name, "writing the event")
    return Failure(Reason.DATA_ERROR, f"{what} failed: {describe(failed.error)}")
