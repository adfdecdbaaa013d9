"""KPL aggregated records into their user records: all of them, or an error that says why not."""

from typing import NamedTuple

from consumer.imports import import_protobuf
from contract import InorderError, kpl


class BrokenAggregate(InorderError):
    """The record begins like an aggregate but cannot be read as one."""


class UserRecord(NamedTuple):
    """One record inside an aggregate."""

    partition_key: str
    data: bytes


def is_aggregate(data: bytes) -> bool:
    """Whether a record's data begins with the aggregation magic; no JSON text does."""
    return data.startswith(kpl.MAGIC)


def deaggregate(data: bytes) -> list[UserRecord]:
    """The user records in their order; raises `BrokenAggregate` unless every one is there."""
    import_protobuf()
    from contract.kpl_message import AggregatedRecord, DecodeError  # noqa: PLC0415 - not needed by every stream, and slow

    message = data[len(kpl.MAGIC) : -kpl.DIGEST_SIZE]
    if len(data) < len(kpl.MAGIC) + kpl.DIGEST_SIZE or not data.endswith(kpl.checksum(message)):
        raise BrokenAggregate("an aggregated record whose checksum does not match its content")
    try:
        aggregate = AggregatedRecord.FromString(message)
    except DecodeError as error:
        raise BrokenAggregate(f"an aggregated record that is not protobuf: {error}") from None
    if not aggregate.records:
        raise BrokenAggregate("an aggregated record with nothing in it")
    if not aggregate.IsInitialized():
        raise BrokenAggregate("an aggregated record that lacks a field it has to have")
    keys = aggregate.partition_key_table
    if any(record.partition_key_index >= len(keys) for record in aggregate.records):
        raise BrokenAggregate("an aggregated record that lacks a partition key")
    # protobuf gives bytes where a string field holds no UTF-8.
    if not all(isinstance(key, str) for key in keys):
        raise BrokenAggregate("an aggregated record with a partition key that is not UTF-8")
    return [UserRecord(keys[r.partition_key_index], r.data) for r in aggregate.records]
