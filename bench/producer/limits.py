"""What a shard takes, and what it counts: the limits of Kinesis, without Kinesis.

"Each shard can support writes up to 1,000 records per second, up to a maximum data write total of
1 MB per second" (Kinesis API reference, PutRecords), partition keys included. A PUT payload unit is
what is charged: 25 KB of one record, or a part of it (Kinesis pricing).
"""

import hashlib
from collections.abc import Sequence

import msgspec

RECORDS_PER_SECOND = 1_000
BYTES_PER_SECOND = 1_000_000
UNIT_BYTES = 25_000
HASHES = 2**128


class Counts(msgspec.Struct, kw_only=True):
    """What a stream has taken since it was last emptied. Throttled records are not among them."""

    seconds: float = 0.0
    requests: int = 0
    records: int = 0
    bytes: int = 0
    units: int = 0
    """PUT payload units."""
    throttled: int = 0
    records_of: list[int] = []
    bytes_of: list[int] = []
    """Of each shard."""


class ShardLimits:
    """Two buckets of tokens for each shard, filled evenly and never beyond one second's worth."""

    def __init__(self, shards: int, now: float, *, limited: bool = True) -> None:
        self.shards = shards
        self._limited = limited
        self.empty(now)

    def empty(self, now: float) -> None:
        """Take all tokens out and count from here on: what an idle time saved up is not used."""
        self._began = now
        self._filled = [now] * self.shards
        self._records = [0.0] * self.shards
        self._bytes = [0.0] * self.shards
        self.counts = Counts(records_of=[0] * self.shards, bytes_of=[0] * self.shards)

    def shard_of(self, partition_key: str, explicit_hash_key: str | None) -> int:
        """Its number; shards share the hash space evenly (Kinesis API reference, CreateStream)."""
        if explicit_hash_key is not None:
            hash_ = int(explicit_hash_key)
        else:
            digest = hashlib.md5(partition_key.encode(), usedforsecurity=False).digest()
            hash_ = int.from_bytes(digest, "big")
        return hash_ * self.shards // HASHES

    def admit(self, placed: Sequence[tuple[int, int]], now: float) -> list[bool]:
        """Which of a request's records are taken; `placed` has the shard and size of each."""
        self.counts.requests += 1
        return [self._admit(shard, size, now) for shard, size in placed]

    def count(self, now: float) -> Counts:
        """What was taken so far."""
        self.counts.seconds = now - self._began
        return self.counts

    def _admit(self, shard: int, size: int, now: float) -> bool:
        counts = self.counts
        if self._limited:
            passed = now - self._filled[shard]
            self._filled[shard] = now
            records = min(self._records[shard] + passed * RECORDS_PER_SECOND, RECORDS_PER_SECOND)
            bytes_ = min(self._bytes[shard] + passed * BYTES_PER_SECOND, BYTES_PER_SECOND)
            taken = records >= 1 and bytes_ >= size
            self._records[shard] = records - taken
            self._bytes[shard] = bytes_ - size * taken
            if not taken:
                counts.throttled += 1
                return False
        counts.records += 1
        counts.bytes += size
        counts.units += -(-size // UNIT_BYTES)
        counts.records_of[shard] += 1
        counts.bytes_of[shard] += size
        return True
