"""From the events of a record to its bytes: one event's JSON as it is, several in a KPL aggregate.

The one place of the producer that touches `aws_kinesis_agg`, and only its message definition. Its
`RecordAggregator` was weighed and left: it decides by itself when a record is full and hands the
full one to callbacks or a return value that is easily lost, where we need "these events, all of
them, in this order"; it puts an aggregate under its first record's key; and it takes three times as
long per event (3.5 µs against 1.2 µs). Importing it also prepends to `sys.path`.

The format (KPL, aggregation-format.md): four magic bytes, a protobuf message with a table of
partition keys and the records, the MD5 of that message. No explicit hash keys are written: a
sub-record's partition key is its order ID, whatever key the Kinesis record itself is put under.
"""

import hashlib
import sys
from collections.abc import Iterable, Sequence

import aws_kinesis_agg
from aws_kinesis_agg import config_pb2

from contract import InorderError
from producer.records import Outgoing

# The generated messages_pb2 imports its neighbour as a top-level module. Lending it that name is
# what the package's own sys.path.insert is for, without opening the whole folder to everybody.
sys.modules.setdefault("config_pb2", config_pb2)
from aws_kinesis_agg.messages_pb2 import AggregatedRecord  # noqa: E402 - needs the name above

MAX_RECORD_BYTES = aws_kinesis_agg.MAX_BYTES_PER_RECORD
"""1 MiB of data and partition key together: the default `MaxRecordSizeInKiB` of a stream is 1024
(Kinesis API reference, CreateStream), and consumers of aggregates expect no more."""

FRAME_BYTES = len(aws_kinesis_agg.MAGIC) + aws_kinesis_agg.DIGEST_SIZE
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
    aggregate = AggregatedRecord(partition_key_table=tables)
    for event in events:
        aggregate.records.add(partition_key_index=tables[event.order_id], data=event.payload)
    message: bytes = aggregate.SerializeToString()
    _check_complete(message, events)
    digest = hashlib.md5(message, usedforsecurity=False).digest()
    return b"".join((aws_kinesis_agg.MAGIC, message, digest))


def _check_complete(message: bytes, events: Sequence[Outgoing]) -> None:
    read = AggregatedRecord.FromString(message)
    keys = read.partition_key_table
    inside = [(keys[sub.partition_key_index], sub.data) for sub in read.records]
    if inside != [(event.order_id, event.payload) for event in events]:
        raise IncompleteAggregate(f"{len(events)} events went in, {len(inside)} came out or differ")
