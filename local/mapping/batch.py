"""A batch: records of one shard that are invoked together, and what it has been through."""

from collections.abc import Iterable
from typing import Self

import msgspec

from local.mapping.facts import Outcome, Record


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one slot, in stream order, with their history. Times in milliseconds."""

    records: tuple[Record, ...]
    keys: frozenset[str]
    slot: int
    retries: int = 0
    """Counted against MaximumRetryAttempts."""
    attempts: int = 0
    """Invocations that these records were in, throttled ones apart."""
    failures: int = 0
    """Failures in a row, for the back-off."""
    not_before: int = 0
    last_outcome: Outcome | None = None

    @classmethod
    def of(cls, records: Iterable[Record], slot: int) -> Self:
        kept = tuple(records)
        return cls(records=kept, keys=frozenset(r.partition_key for r in kept), slot=slot)

    @property
    def first(self) -> int:
        return self.records[0].sequence_number

    @property
    def has_failed(self) -> bool:
        return self.last_outcome is not None

    def holding(self, records: tuple[Record, ...], **changes: object) -> "Batch":
        """The same history with fewer records."""
        keys = frozenset(r.partition_key for r in records)
        return msgspec.structs.replace(self, records=records, keys=keys, **changes)

    def evolve(self, **changes: object) -> "Batch":
        return msgspec.structs.replace(self, **changes)
