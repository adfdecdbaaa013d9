"""Applies a batch: chunk by chunk, against faults and the clock.

An error is met in one of three ways (`faults`). *Transient*: reconnect and try once more, then
leave the rest to the event source mapping, which sends it again. *Stop*: the same without the
second try. Neither parks anything. *Data*: careful mode finds the event to blame and parks it.

What is committed when time runs out stays. The checkpoint is the first record with anything
unfinished in it; what lies committed behind it comes again and is recognised as duplicate.
"""

from collections.abc import Sequence

import msgspec

from consumer.arrivals import Record
from consumer.attempts import Attempts, Interrupted
from consumer.careful import Careful
from consumer.lanes import chunks, lanes
from consumer.transaction import Committed, TransactionFailed


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch.

    `checkpoint` is the sequence number of the first record that is not finished, None if all are;
    `problem` why it is not, or why lots were left to be drained later.
    """

    checkpoint: str | None
    committed: tuple[Committed, ...]
    problem: Interrupted | TransactionFailed | None = None


def apply_batch(
    records: Sequence[Record], attempts: Attempts, *, chunk_events: int, drain: int
) -> Applied:
    """Apply the records, or as many as can be; never raises for what a record holds."""
    careful = Careful(attempts, drain)
    committed: list[Committed] = []
    problem: Interrupted | TransactionFailed | None = None
    try:
        for chunk in chunks(records, chunk_events):
            committed.extend(careful.apply(lanes(chunk)))
    except (Interrupted, TransactionFailed) as error:
        problem = error
    else:
        problem = _drain(careful, committed)
    return Applied(
        checkpoint=_first_unfinished(records, careful) if problem else None,
        committed=tuple(committed),
        problem=problem,
    )


def _drain(careful: Careful, committed: list[Committed]) -> Interrupted | TransactionFailed | None:
    """Finish the lots that one transaction was not enough for, while there is time.

    What is left keeps its order, and goes on with the order's next event.
    """
    left = dict.fromkeys(order_id for done in committed for order_id in done.drainable)
    try:
        for order_id in left:
            committed.extend(careful.drain(order_id))
    except (Interrupted, TransactionFailed) as error:
        return error
    return None


def _first_unfinished(records: Sequence[Record], careful: Careful) -> str | None:
    for record in records:
        if any(arrival.position not in careful.finished for arrival in record.arrivals):
            return record.sequence_number
    return None
