"""Applies a batch: chunk by chunk, against faults and the clock.

An error is met in one of three ways (`faults`). *Transient*: reconnect and try once more, then
leave the rest to the event source mapping, which sends it again. *Stop*: the same without the
second try. Neither parks anything. *Data*: careful mode finds the event to blame and parks it.

What is committed when time runs out stays. The checkpoint is the first record with anything
unfinished in it; what lies committed behind it comes again and is recognised as duplicate.
"""

from collections.abc import Iterator, Sequence

import msgspec

from consumer.arrivals import Record
from consumer.attempts import Attempts, Interrupted, Stopped
from consumer.careful import Careful
from consumer.delivery import Delivery, Unmarked
from consumer.lanes import chunks, lanes
from consumer.marked import Marked
from consumer.suspicion import Suspicion
from consumer.transaction import Committed, TransactionFailed


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch.

    `checkpoint` is the sequence number of the first record that is not finished, None if all are;
    `problem` why it is not, or why lots were left to be drained later. `suspicion` is what earlier
    deaths made it careful about.
    """

    checkpoint: str | None
    committed: tuple[Committed, ...]
    problem: Interrupted | TransactionFailed | None = None
    suspicion: Suspicion | None = None


def apply_batch(
    records: Sequence[Record],
    attempts: Attempts,
    *,
    chunk_events: int,
    drain: int,
    delivery: Delivery | None = None,
    killer_deaths: int = 3,
) -> Applied:
    """Apply the records, or as many as can be; never raises for what a record holds.

    With a `delivery` an event that `killer_deaths` name is parked unrun. Raises only what ends the
    process: `MemoryError`, and the `SystemExit` of a projection.
    """
    batch = _Batch(records, Careful(attempts, drain), delivery or Unmarked(attempts))
    with batch.delivery.running():
        try:
            batch.apply(attempts, chunk_events, killer_deaths)
        except Stopped as stopped:
            attempts.stop(stopped)
            batch.problem = stopped
        except (Interrupted, TransactionFailed) as error:
            batch.problem = error
    return batch.applied()


class _Batch:
    """The working state of one batch."""

    def __init__(self, records: Sequence[Record], careful: Careful, delivery: Delivery) -> None:
        self._records = records
        self._careful = careful
        self._committed: list[Committed] = []
        self._suspicion = Suspicion()
        self.delivery = delivery
        self.problem: Interrupted | TransactionFailed | None = None

    def apply(self, attempts: Attempts, chunk_events: int, killer_deaths: int) -> None:
        """The lanes of each chunk, then the lots that one transaction was not enough for.

        What is left in a lot for want of time keeps its order, and goes on with the order's next
        event.
        """
        if not self._records:
            return
        plans = [lanes(chunk) for chunk in chunks(self._records, chunk_events)]
        order_ids = {order_id for plan in plans for order_id in plan if order_id is not None}
        numbers = [int(record.sequence_number) for record in self._records]
        self._suspicion = self.delivery.begin(numbers, order_ids)
        marked = Marked(attempts, self._careful, self.delivery, self._suspicion, killer_deaths)
        self._note(marked.apply(plans))
        for order_id in dict.fromkeys(o for done in self._committed for o in done.drainable):
            self._note(marked.drain(order_id))
        self.delivery.settled = self._suspicion.settled

    def applied(self) -> Applied:
        return Applied(
            checkpoint=self._first_unfinished() if self.problem else None,
            committed=tuple(self._committed),
            problem=self.problem,
            suspicion=self._suspicion,
        )

    def _note(self, commits: Iterator[Committed]) -> None:
        for committed in commits:
            self._committed.append(committed)
            if committed.ended:
                self.delivery.ended()

    def _first_unfinished(self) -> str | None:
        for record in self._records:
            if any(a.position not in self._careful.finished for a in record.arrivals):
                return record.sequence_number
        return None
