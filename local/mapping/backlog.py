"""Records that were read from one shard and are in no batch yet, in stream order per key.

With slots chosen by key hash there is one queue per slot, so that a record waits only behind its
own slot's. Otherwise there is one queue for the shard, and a batch takes the oldest records whose
keys are free.
"""

import zlib
from collections import deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from local.mapping.facts import Record
from local.mapping.settings import PAYLOAD_LIMIT, MappingSettings
from local.mapping.undocumented import SlotChoice

_ENVELOPE = len('{"Records":[]}')
_COMMA = 1


class Backlog:
    """Holds records with the time they were read, and cuts batches from them."""

    def __init__(self, settings: MappingSettings, choice: SlotChoice) -> None:
        self._settings = settings
        self._choice = choice
        self._queues = [_Queue() for _ in range(self._queue_count())]
        self.count = 0
        self.size = 0

    def add(self, records: Iterable[Record], read_at: int) -> None:
        for record in records:
            self._queue_of(record.partition_key).append(record, read_at)
            self.count += 1
            self.size += record.size

    def take(self, slot: int, held: AbstractSet[str], now: int) -> list[Record]:
        """The next batch's records for this slot, none of a held key; [] if it is not yet time."""
        queue = self._queues[slot if self._choice is SlotChoice.KEY_HASH else 0]
        if not self._is_due(queue, now):
            return []
        taken = queue.take(self._settings.batch_size, held)
        self.count -= len(taken)
        self.size -= sum(record.size for record in taken)
        return taken

    def first(self) -> int | None:
        """The lowest sequence number that waits here."""
        return min((queue.first for queue in self._queues if queue.records), default=None)

    def oldest_arrival(self) -> int | None:
        return min((q.records[0][0].arrived_ms for q in self._queues if q.records), default=None)

    def due_at(self, now: int) -> int | None:
        """When the next window closes, if that is still to come."""
        closing = (
            queue.records[0][1] + self._settings.window_ms
            for queue in self._queues
            if queue.records and not self._is_due(queue, now)
        )
        return min(closing, default=None)

    def rearrange(self, settings: MappingSettings) -> None:
        """Take over new settings: with another factor, keys belong to other slots."""
        waiting = sorted(
            (entry for queue in self._queues for entry in queue.records),
            key=lambda entry: entry[0].sequence_number,
        )
        self._settings = settings
        self._queues = [_Queue() for _ in range(self._queue_count())]
        for record, read_at in waiting:
            self._queue_of(record.partition_key).append(record, read_at)

    def _queue_count(self) -> int:
        by_key = self._choice is SlotChoice.KEY_HASH
        return self._settings.parallelization_factor if by_key else 1

    def _queue_of(self, partition_key: str) -> "_Queue":
        if len(self._queues) == 1:
            return self._queues[0]
        return self._queues[zlib.crc32(partition_key.encode()) * len(self._queues) >> 32]

    def _is_due(self, queue: "_Queue", now: int) -> bool:
        return bool(queue.records) and (
            len(queue.records) >= self._settings.batch_size
            or queue.size + _ENVELOPE > PAYLOAD_LIMIT
            or queue.records[0][1] + self._settings.window_ms <= now
        )


class _Queue:
    def __init__(self) -> None:
        self.records: deque[tuple[Record, int]] = deque()
        self.size = 0

    @property
    def first(self) -> int:
        return self.records[0][0].sequence_number

    def append(self, record: Record, read_at: int) -> None:
        self.records.append((record, read_at))
        self.size += record.size + _COMMA

    def take(self, most: int, held: AbstractSet[str]) -> list[Record]:
        """Up to `most` records within the payload limit, in order, leaving those of held keys."""
        taken: list[Record] = []
        left: list[tuple[Record, int]] = []
        room = PAYLOAD_LIMIT - _ENVELOPE
        while self.records and len(taken) < most:
            record = self.records[0][0]
            if record.partition_key in held:
                left.append(self.records.popleft())
                continue
            if taken and record.size + _COMMA > room:
                break
            self.records.popleft()
            room -= record.size + _COMMA
            taken.append(record)
        self.records.extendleft(reversed(left))
        self.size -= sum(record.size + _COMMA for record in taken)
        return taken
