"""From Lambda's Kinesis event to arrivals: every event of every record, readable or not."""

import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from consumer.deaggregate import BrokenAggregate, deaggregate, is_aggregate
from contract import Event, InvalidEvent, Position, canonical_data, content_digest, parse_event
from contract.keys import MAX_KEY_CHARACTERS, is_bucket_key


class Arrival(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event as it came off the stream, or bytes that should have been one.

    `order_id` is the event's; of unreadable bytes the partition key, which is the order ID in
    `order` mode, or None where that cannot be an order ID or is a bucket's. `raw` is kept for the
    parking lot.
    `data` and `digest` are the canonical content, empty and 0 when `event` is None, and then
    `problem` says why it cannot be read.
    """

    position: Position
    order_id: str | None
    partition_key: str
    raw: bytes
    event: Event | None = None
    data: bytes = b""
    digest: int = 0
    problem: str = ""

    @property
    def version(self) -> int | None:
        """The event's version, None if it has none or cannot be read."""
        return None if self.event is None else self.event.version


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One Kinesis record of the batch: what Lambda can be told to send again, and what is in it."""

    sequence_number: str
    arrivals: tuple[Arrival, ...]


def read_batch(event: Mapping[str, Any]) -> list[Record]:
    """The records of a Lambda Kinesis event in its order.

    Nothing that a producer wrote makes this raise; a `KeyError` means that the event is not one
    of Kinesis (Lambda Developer Guide, "Using Lambda with Kinesis").
    """
    return [_record(item["kinesis"]) for item in event["Records"]]


def read_event(raw: bytes, *, position: Position, partition_key: str) -> Arrival:
    """One event's bytes as an arrival; unreadable ones go under their partition key."""
    try:
        event = parse_event(raw)
        data = canonical_data(event)
    except (InvalidEvent, RecursionError) as error:
        return _unreadable(raw, position, partition_key, str(error))
    return Arrival(
        position=position,
        order_id=event.order_id,
        partition_key=partition_key,
        raw=raw,
        event=event,
        data=data,
        digest=content_digest(event, data),
    )


def _record(kinesis: Mapping[str, Any]) -> Record:
    sequence_number = kinesis["sequenceNumber"]
    whole = Position(int(sequence_number), 0)
    return Record(
        sequence_number=sequence_number,
        arrivals=_arrivals(kinesis["data"], whole, kinesis["partitionKey"]),
    )


def _arrivals(encoded: str, whole: Position, partition_key: str) -> tuple[Arrival, ...]:
    try:
        data = binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError as error:
        raw = str(encoded).encode("utf-8", "backslashreplace")
        return (_unreadable(raw, whole, partition_key, f"not base64: {error}"),)
    if not is_aggregate(data):
        return (read_event(data, position=whole, partition_key=partition_key),)
    try:
        users = deaggregate(data)
    except BrokenAggregate as error:
        return (_unreadable(data, whole, partition_key, str(error)),)
    return tuple(
        read_event(
            user.data,
            position=Position(whole.sequence_number, index),
            partition_key=user.partition_key,
        )
        for index, user in enumerate(users)
    )


def _is_storable(text: str) -> bool:
    """Whether PostgreSQL can store it: not with NUL, nor surrogates, which have no UTF-8 form."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _unreadable(raw: bytes, position: Position, partition_key: str, problem: str) -> Arrival:
    could_be_order = (
        0 < len(partition_key) <= MAX_KEY_CHARACTERS
        and _is_storable(partition_key)
        and not is_bucket_key(partition_key)
    )
    return Arrival(
        position=position,
        order_id=partition_key if could_be_order else None,
        partition_key=partition_key,
        raw=raw,
        problem=problem,
    )
