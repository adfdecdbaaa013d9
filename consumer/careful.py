"""Careful mode: the one way to find which event the data error of a whole transaction comes from.

Halve the orders until one is left, then its events. Only an event that fails alone, in a
transaction of its own, is blamed; what the halves without it hold is committed on the way.

Where nothing but failures is found, that may stop this version of the code (`deploys`). What would
be parked then is put off until the rest has been tried: one event that is applied vouches for the
code in the whole batch.
"""

import logging
from collections.abc import Collection, Iterator
from uuid import UUID

import msgspec

from consumer.arrivals import Arrival
from consumer.attempts import Attempts, Stopped
from consumer.faults import describe
from consumer.lanes import Lanes
from consumer.order import Failure, Reason
from consumer.terms import Committed, Terms
from consumer.transaction import TransactionFailed
from contract import Position

log = logging.getLogger(__name__)


class Careful:
    """Commits lanes whole where it can, in ever smaller pieces where it must."""

    def __init__(
        self,
        attempts: Attempts,
        drain: int,
        *,
        finished: Collection[Position] = (),
        vouched: bool = False,
    ) -> None:
        self._attempts = attempts
        self._drain = drain
        self._vouched = vouched
        self._stopped: Stopped | None = None
        self._put_off: dict[str | None, list[Arrival]] = {}
        self.finished = set(finished)
        """Positions of the arrivals that are committed, whatever became of them."""

    def apply(self, lanes: Lanes, *, ends: UUID | None = None) -> Iterator[Committed]:
        """Every transaction that committed; raises `Interrupted` when the rest has to wait.

        With `ends` the environment's marker ends with the transaction, if it is the only one.
        """
        return self._apply(lanes, self._drain, Terms(ends=ends))

    def alone(self, order_id: str | None, arrival: Arrival) -> Iterator[Committed]:
        """One event in a transaction of its own, with nothing drained; parked if it fails."""
        lane = self._not_put_off({order_id: (arrival,)})
        if not lane:
            return
        try:
            try:
                yield self.commit(lane, drain=0)
            except TransactionFailed as failed:
                yield self.commit(lane, drain=0, blame=blame_for(failed))
        except Stopped as stopped:
            self._put_off_until_vouched(lane, stopped)

    def park(self, order_id: str, arrival: Arrival, blame: Failure) -> Iterator[Committed]:
        """Park an event unrun, if it is the order's next."""
        lane = self._not_put_off({order_id: (arrival,)})
        if not lane:
            return
        try:
            yield self.commit(lane, drain=0, blame=blame)
        except Stopped as stopped:
            self._put_off_until_vouched(lane, stopped)

    def drain(self, order_id: str) -> Iterator[Committed]:
        """Go on applying an order's lot, in short transactions, until something hinders it."""
        lane: Lanes = {order_id: ()}
        entries = self._drain
        while True:
            try:
                committed = self.commit(lane, drain=entries)
            except TransactionFailed as failed:
                if entries > 1:
                    entries //= 2
                    continue
                committed = self.commit(lane, drain=1, blame=blame_for(failed))
            yield committed
            if not committed.drainable:
                return

    def commit(
        self, lanes: Lanes, *, drain: int, blame: Failure | None = None, terms: Terms | None = None
    ) -> Committed:
        """One transaction, vouched for by those before it; raises as `Attempts.commit` does."""
        given = msgspec.structs.replace(terms or Terms(), vouched=self._vouched)
        committed = self._attempts.commit(lanes, drain=drain, blame=blame, terms=given)
        self._vouched |= committed.applied > 0
        self.finished.update(a.position for lane in lanes.values() for a in lane)
        return committed

    def put_off(self) -> Lanes:
        """What has to be tried once more now that the rest is done; raises `Stopped` if nothing
        has been applied that vouches for the code.
        """
        if self._stopped is not None and not self._vouched:
            raise self._stopped
        lanes, self._put_off, self._stopped = self._put_off, {}, None
        return lanes

    def _apply(self, lanes: Lanes, drain: int, terms: Terms | None = None) -> Iterator[Committed]:
        lanes = self._not_put_off(lanes)
        if not lanes:
            return
        try:
            yield self.commit(lanes, drain=drain, terms=terms)
        except Stopped as stopped:
            self._put_off_until_vouched(lanes, stopped)
        except TransactionFailed as failed:
            log.warning("looking for the event to blame among %d orders: %s", len(lanes), failed)
            yield from self._in_halves(lanes)

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
            yield from self.alone(order_id, arrival)

    def _put_off_until_vouched(self, lanes: Lanes, stopped: Stopped) -> None:
        self._stopped = self._stopped or stopped
        for order_id, lane in lanes.items():
            self._put_off.setdefault(order_id, []).extend(lane)

    def _not_put_off(self, lanes: Lanes) -> Lanes:
        """The lanes that may go on; of an order that was put off, later events wait behind it."""
        for order_id in lanes.keys() & self._put_off.keys():
            self._put_off[order_id].extend(lanes[order_id])
        return {o: lane for o, lane in lanes.items() if o not in self._put_off}


def blame_for(failed: TransactionFailed) -> Failure:
    """What an event is parked with that made a transaction fail in which it was alone."""
    what = {
        "LOAD": "loading the order",
        "SAVE": "saving the order",
        "COMMIT": "committing the order",
    }.get(failed.phase.name, "writing the event")
    return Failure(Reason.DATA_ERROR, f"{what} failed: {describe(failed.error)}")
