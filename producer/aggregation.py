"""From the events of a record to its bytes: one event's JSON as it is, several in a KPL aggregate.

Of `aws_kinesis_agg` only the message definition is used. Its `RecordAggregator` was weighed and
left: it decides by itself when a record is full and hands the full one to callbacks or a return
value that is easily lost, where we need "these events, all of them, in this order"; it puts an
aggregate under its first record's key; and it takes three times as long per event (3.5 µs against
1.2 µs). No explicit hash keys are written: a sub-record's partition key is its order ID, whatever
key the Kinesis record itself is put under.
"""

from collections.abc import Iterable, Sequence

from contract import InorderError, kpl, kpl_message
from producer.records import Outgoing

FRAME_BYTES = len(kpl.MAGIC) + kpl.DIGEST_SIZE
EVENT_BYTES = 12
"""Framing of one sub-record at most: three one-byte tags, and three varints (its length, its key's
index, its data's length) that below 2**21 take at most three bytes each."""
KEY_BYTES = 3
"""Framing of one entry in the table of partition keys: a tag and a length of at most two bytes."""


class IncompleteAggregate(InorderError):
    """What was framed does not read back as the events that went in; nothing of it was sent."""


def fitting(events: Iterable[Outgoing], *, key_bytes: int, cap: int) -> tuple[int, int]:
    """How many of the first events go into one record of at most `cap` bytes, and its size.

    Sizes are bytes, the Kinesis record's partition key (`key_bytes`) included. The first event is
    always taken: whether it may be sent at all is the contract's decision, not packing's.
    """
    count = plain = 0
    size = FRAME_BYTES + key_bytes
    orders: set[str] = set()
    for event in events:
        more = EVENT_BYTES + len(event.payload)
        if event.order_id not in orders:
            more += KEY_BYTES + len(event.order_id.encode())
        if count == 0:
            plain = key_bytes + len(event.payload)
        elif size + more > cap:
            break
        orders.add(event.order_id)
        size += more
        count += 1
    return count, plain if count == 1 else size


def record_data(events: Sequence[Outgoing]) -> bytes:
    """The data of the Kinesis record that carries these events, the same for the same events.

    Raises `IncompleteAggregate` if the aggregate does not hold every event, whole and in order.
    """
    if len(events) == 1:
        return events[0].payload
    tables = {order_id: at for at, order_id in enumerate(dict.fromkeys(e.order_id for e in events))}
    aggregate = kpl_message.AggregatedRecord(partition_key_table=tables)
    for event in events:
        aggregate.records.add(partition_key_index=tables[event.order_id], data=event.payload)
    message: bytes = aggregate.SerializeToString()
    _check_complete(message, events)
    return kpl.frame(message)


def _check_complete(message: bytes, events: Sequence[Outgoing]) -> None:
    read = kpl_message.AggregatedRecord.FromString(message)
    keys = read.partition_key_table
    inside = [(keys[sub.partition_key_index], sub.data) for sub in read.records]
    if inside != [(event.order_id, event.payload) for event in events]:
        raise IncompleteAggregate(f"{len(events)} events went in, {len(inside)} came out or differ")
