"""The KPL's aggregation format, on which both ends and every other KPL-compatible producer agree.

Four magic bytes, a protobuf message with a table of partition keys and the records, the MD5 of
that message (KPL, aggregation-format.md). The one place that touches `aws_kinesis_agg`, and only
its message definition: its de-aggregation loop prints an exception and drops the rest of a record,
and importing its modules prepends to `sys.path`. Not imported by the package itself, so that a
function without aggregates needs no protobuf.
"""

import hashlib
import sys

import aws_kinesis_agg
from aws_kinesis_agg import config_pb2

# The generated messages_pb2 imports its neighbour as a top-level module. Lending it that name is
# what the package's own sys.path.insert is for, without opening the whole folder to everybody.
sys.modules.setdefault("config_pb2", config_pb2)
from aws_kinesis_agg.messages_pb2 import AggregatedRecord  # noqa: E402 - needs the name above

__all__ = ["DIGEST_SIZE", "MAGIC", "MAX_RECORD_BYTES", "AggregatedRecord", "checksum", "frame"]

MAGIC: bytes = aws_kinesis_agg.MAGIC
DIGEST_SIZE: int = aws_kinesis_agg.DIGEST_SIZE

MAX_RECORD_BYTES: int = aws_kinesis_agg.MAX_BYTES_PER_RECORD
"""1 MiB of data and partition key together: the default `MaxRecordSizeInKiB` of a stream is 1024
(Kinesis API reference, CreateStream), and consumers of aggregates expect no more."""


def frame(message: bytes) -> bytes:
    """A Kinesis record's data around a serialized `AggregatedRecord`."""
    return b"".join((MAGIC, message, checksum(message)))


def checksum(message: bytes) -> bytes:
    """The format's MD5, which protects against accidents and nobody's intent."""
    return hashlib.md5(message, usedforsecurity=False).digest()
