"""An imagined Kinesis stream: shards with hash ranges, lineage, and sequence numbers that grow.

Sequence numbers of one shard grow, and a child's are larger than its parents'; those of unrelated
shards compare as they happen to. That is all that Kinesis promises of them.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

HASHES = 2**128
_SHARDS = 1_000
"""The last digits of a sequence number are its shard's: no two shards have one in common."""


@dataclass(slots=True)
class Stored:
    """A record on the stream. `arrived` in milliseconds."""

    sequence_number: int
    partition_key: str
    data: bytes
    arrived: int


@dataclass(slots=True)
class Shard:
    """A slice of the hash space, from `low` up to, and without, `high`."""

    shard_id: str
    low: int
    high: int
    parents: tuple[str, ...]
    next_number: int
    records: list[Stored] = field(default_factory=list)
    closed: bool = False


class ImaginedStream:
    """Takes records, splits and merges. `landed` hears of every record that is stored."""

    def __init__(
        self,
        shards: int,
        landed: Callable[[Shard, Stored], None],
        jump: Callable[[], int],
    ) -> None:
        self.shards: dict[str, Shard] = {}
        self._landed = landed
        self._jump = jump
        step = HASHES // shards
        for place in range(shards):
            self._add(place * step, HASHES if place == shards - 1 else (place + 1) * step, ())

    def put(
        self, partition_key: str, explicit_hash_key: int | None, data: bytes, now: int
    ) -> Stored:
        """Store a record in the open shard that its key belongs to."""
        place = hash_of(partition_key) if explicit_hash_key is None else explicit_hash_key
        shard = next(shard for shard in self.open() if shard.low <= place < shard.high)
        stored = Stored(shard.next_number, partition_key, data, now)
        shard.next_number += (1 + self._jump()) * _SHARDS
        shard.records.append(stored)
        self._landed(shard, stored)
        return stored

    def shard_of(self, stored: Stored) -> Shard:
        return next(s for s in self.shards.values() if stored in s.records)

    def open(self) -> list[Shard]:
        return [shard for shard in self.shards.values() if not shard.closed]

    def split(self, shard: Shard) -> None:
        shard.closed = True
        middle = (shard.low + shard.high) // 2
        self._add(shard.low, middle, (shard,))
        self._add(middle, shard.high, (shard,))

    def merge(self, left: Shard, right: Shard) -> None:
        """Neighbours only, the lower one first."""
        left.closed = right.closed = True
        self._add(left.low, right.high, (left, right))

    def neighbours(self) -> list[tuple[Shard, Shard]]:
        """The pairs that can be merged."""
        row = sorted(self.open(), key=lambda shard: shard.low)
        return [(a, b) for a, b in pairwise(row) if a.high == b.low]

    def _add(self, low: int, high: int, parents: tuple[Shard, ...]) -> None:
        latest = max((parent.next_number for parent in parents), default=10**20)
        number = (latest // _SHARDS + 1 + self._jump()) * _SHARDS + len(self.shards)
        shard_id = f"shardId-{len(self.shards):012d}"
        names = tuple(parent.shard_id for parent in parents)
        self.shards[shard_id] = Shard(shard_id, low, high, names, number)


@cache
def hash_of(partition_key: str) -> int:
    """Where Kinesis puts a key: "an MD5 hash function" (API reference, PutRecord)."""
    return int.from_bytes(
        hashlib.md5(partition_key.encode(), usedforsecurity=False).digest(), "big"
    )
