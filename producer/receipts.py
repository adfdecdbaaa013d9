"""Receipts, and the memory that lets each one be checked against the one before."""

from collections import OrderedDict
from collections.abc import Iterator
from uuid import UUID

import msgspec

from contract import Position
from contract.keys import StreamKey
from producer.outcomes import Accepted
from producer.records import Record, Ticket


class Receipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The stream holds this event: where."""

    event_id: UUID
    order_id: str
    shard_id: str
    sequence_number: int
    sub_sequence_number: int
    """The place inside an aggregated record, 0 in a plain one."""

    @property
    def position(self) -> Position:
        """Receipts of one order compare by this, across shards too."""
        return Position(self.sequence_number, self.sub_sequence_number)


def receipts_of(record: Record, accepted: Accepted) -> Iterator[tuple[Ticket, Receipt]]:
    """The results of an accepted record's events."""
    for place, event in enumerate(record.events):
        receipt = Receipt(
            event_id=event.event_id,
            order_id=event.order_id,
            shard_id=accepted.shard_id,
            sequence_number=accepted.sequence_number,
            sub_sequence_number=place,
        )
        yield event.ticket, receipt


class LastReceipts:
    """The last sequence number of each key, for the most recently used keys only.

    Two puts of one key, one after the other, must come back with growing sequence numbers. Only
    puts close together in time can ever disagree, so it is enough to remember the keys used last,
    at some 250 bytes each. A key that was forgotten in between is taken at its word.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._last: OrderedDict[StreamKey, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._last)

    def grows(self, key: StreamKey, sequence_number: int) -> bool:
        """Whether this receipt comes after the key's last one; if so it becomes the last one."""
        if sequence_number <= self._last.get(key, -1):
            return False
        self._last[key] = sequence_number
        self._last.move_to_end(key)
        if len(self._last) > self._size:
            self._last.popitem(last=False)
        return True
