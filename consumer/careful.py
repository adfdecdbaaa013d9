"""Careful mode: the one way to find which event the data error of a whole transaction comes from.

Halve the orders until one is left, then take its events one by one. Only an event that fails
alone, in a transaction of its own, is blamed.
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
        try:
            committed = self._attempts.commit(lanes, drain=self._drain)
        except TransactionFailed as failed:
            log.warning("looking for the event to blame among %d orders: %s", len(lanes), failed)
            if len(lanes) > 1:
                orders = list(lanes)
                half = len(orders) // 2
                yield from self.apply({order_id: lanes[order_id] for order_id in orders[:half]})
                yield from self.apply({order_id: lanes[order_id] for order_id in orders[half:]})
            else:
                for order_id, lane in lanes.items():
                    for arrival in lane:
                        yield self._alone(order_id, arrival)
        else:
            self.finished.update(a.position for lane in lanes.values() for a in lane)
            yield committed

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
                    entries = 1
                    continue
                blame = _blame(failed)
                committed = self._attempts.commit(lane, drain=1, blame=blame)
            yield committed
            if not committed.drainable:
                return

    def _alone(self, order_id: str | None, arrival: Arrival) -> Committed:
        lane: Lanes = {order_id: (arrival,)}
        try:
            committed = self._attempts.commit(lane, drain=0)
        except TransactionFailed as failed:
            committed = self._attempts.commit(lane, drain=0, blame=_blame(failed))
        self.finished.add(arrival.position)
        return committed


def _blame(failed: TransactionFailed) -> Failure:
    what = {
        "LOAD": "loading the order",
        "SAVE": "saving the order",
        "COMMIT": "committing the order",
    }.get(failed.phase.name, "writing the event")
    return Failure(Reason.DATA_ERROR, f"{what} failed: {describe(failed.error)}")
