"""The KPL's aggregation format, on which both ends and every other KPL-compatible producer agree.

Four magic bytes, a protobuf message with a table of partition keys and the records
(`kpl_message`), the MD5 of that message (KPL, aggregation-format.md). Neither is imported by the
package itself, so that a function without aggregates needs no protobuf.
"""

import hashlib

import aws_kinesis_agg

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
