"""KPL aggregated records into their user records, all of them or an error.

The one place that uses `aws_kinesis_agg` for reading. Its own loop prints an exception and drops
the rest of the record, and gives a sub-record without an explicit hash key another's; so only its
message definition is used here, and completeness is checked. The format: magic number, protobuf
message, MD5 of the message (KPL, aggregation-format.md).
"""

import hashlib
import sys
from typing import NamedTuple

import aws_kinesis_agg
from aws_kinesis_agg import config_pb2
from google.protobuf.message import DecodeError

from contract.errors import InorderError

# The generated messages_pb2 imports its neighbour under a top-level name. Lending it that name is
# narrower than the package's own way, which puts its folder in front of sys.path.
sys.modules.setdefault("config_pb2", config_pb2)
from aws_kinesis_agg.messages_pb2 import AggregatedRecord  # noqa: E402 - needs the name above

MAGIC = aws_kinesis_agg.MAGIC
DIGEST_SIZE = aws_kinesis_agg.DIGEST_SIZE


class BrokenAggregate(InorderError):
    """The record begins like an aggregate but cannot be read as one."""


class UserRecord(NamedTuple):
    """One record inside an aggregate."""

    partition_key: str
    data: bytes


def is_aggregate(data: bytes) -> bool:
    """Whether a record's data begins with the aggregation magic; no JSON text does."""
    return data.startswith(MAGIC)


def deaggregate(data: bytes) -> list[UserRecord]:
    """The user records in their order; raises `BrokenAggregate` unless every one is there."""
    message = data[len(MAGIC) : -DIGEST_SIZE]
    digest = data[-DIGEST_SIZE:]
    if len(data) < len(MAGIC) + DIGEST_SIZE or hashlib.md5(message).digest() != digest:  # noqa: S324 - the format's checksum
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
