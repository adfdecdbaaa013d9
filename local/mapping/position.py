"""Where in a shard to read from, in the words of Kinesis' GetShardIterator."""

import msgspec


class TrimHorizon(msgspec.Struct, frozen=True, tag=True):
    """The oldest record that the stream still keeps."""


class Latest(msgspec.Struct, frozen=True, tag=True):
    """Just after the newest record."""


class AtTimestamp(msgspec.Struct, frozen=True, tag=True):
    """The first record that arrived at or after this time, in milliseconds since 1970."""

    milliseconds: int


class After(msgspec.Struct, frozen=True, tag=True):
    """Just after this record; the sequence number as Kinesis wrote it."""

    sequence_number: str


Start = TrimHorizon | Latest | AtTimestamp
"""Where a mapping may start in a stream it has never read."""

ReadFrom = Start | After
