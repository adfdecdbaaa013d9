"""The line in front of one partition key, whose head blocks only itself.

A queue is in one of five states. Only `resting` may form a record, which is the whole of "at most
one unresolved record per key":

| state | `unresolved` | leaves when |
|---|---|---|
| gathering | none | its first event has waited for `record_linger`, or it is filled |
| resting | none | a request takes its next record |
| flying | in a request | that request is resolved |
| held | a failed record, to be tried again | its wait is over, or its deadline |
| narrowed | a record suspected of spoiling a request | its smaller request is formed |
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from contract.keys import StreamKey
from producer.aggregation import fitting
from producer.records import Outgoing, Record, payload_bytes

FILLED_BYTES = 22_000
"""From here on a record gains nothing by gathering more: with its framing it is about one of the
25 KB units that Kinesis counts and charges ("PUT payload unit", Kinesis pricing)."""


class KeyQueue:
    """What one partition key has to send, in order: owed records, the unresolved one, the rest."""

    __slots__ = (
        "flying",
        "gathers_until",
        "in_line",
        "key",
        "key_bytes",
        "owed",
        "unresolved",
        "waiting",
        "waiting_bytes",
    )

    def __init__(self, key: StreamKey) -> None:
        self.key = key
        self.key_bytes = len(key.partition_key.encode())
        self.waiting: deque[Outgoing] = deque()
        self.waiting_bytes = 0
        self.owed: list[Record] = []
        """Unknown records of orders that were resumed: before anything that waits."""
        self.unresolved: Record | None = None
        self.flying = False
        self.in_line = False
        """Whether it stands in the line of resting queues (`producer.lineup`)."""
        self.gathers_until = 0.0
        """Until when it waits for more before it stands in line; 0 if it does not."""

    @property
    def empty(self) -> bool:
        """Whether it can be forgotten."""
        return self.unresolved is None and not self.waiting and not self.owed

    @property
    def filled(self) -> bool:
        """Whether waiting for more events would save nothing."""
        return bool(self.owed) or self.waiting_bytes >= FILLED_BYTES

    def add(self, event: Outgoing) -> None:
        """Let one more event wait, behind all others."""
        self.waiting.append(event)
        self.waiting_bytes += len(event.payload)

    def form(self, *, room: int, cap: int) -> Record | None:
        """Take the next record of at most `room` bytes; None if its first event needs more.

        An owed record goes as it is. Otherwise as many waiting events as `cap` and `room` allow.
        """
        if self.owed:
            return self.owed.pop(0) if self.owed[0].size <= room else None
        count, size = fitting(self.waiting, key_bytes=self.key_bytes, cap=min(cap, room))
        if size > room:
            return None
        return self._record(count, size)

    def first(self) -> Record:
        """Take the next waiting event as a record of its own."""
        return self._record(1, self.key_bytes + len(self.waiting[0].payload))

    def halve(self, record: Record) -> Record:
        """The first half of a record's events as a record; the other half waits again, in front."""
        half = len(record.events) // 2
        self.waiting.extendleft(reversed(record.events))
        self.waiting_bytes += record.payload_bytes
        _, size = fitting(record.events[:half], key_bytes=self.key_bytes, cap=record.size)
        return self._record(half, size)

    def drop(self, orders: Iterable[str]) -> list[Outgoing]:
        """Take the waiting events of these orders out of the queue, in their order."""
        gone = frozenset(orders)
        dropped = [event for event in self.waiting if event.order_id in gone]
        if dropped:
            self.waiting = deque(event for event in self.waiting if event.order_id not in gone)
            self.waiting_bytes -= payload_bytes(dropped)
        return dropped

    def head_deadline(self) -> float | None:
        """When the first thing in it has to be settled; None if it is empty."""
        if self.unresolved is not None:
            return self.unresolved.deadline
        if self.owed:
            return self.owed[0].deadline
        return self.waiting[0].deadline if self.waiting else None

    def events(self) -> Iterator[Outgoing]:
        """Every event that it still has to bring to a result."""
        if self.unresolved is not None:
            yield from self.unresolved.events
        for record in self.owed:
            yield from record.events
        yield from self.waiting

    def _record(self, count: int, size: int) -> Record:
        events = tuple(islice(self.waiting, count))
        for _ in events:
            self.waiting.popleft()
        length = payload_bytes(events)
        self.waiting_bytes -= length
        return Record(
            key=self.key,
            events=events,
            size=size,
            payload_bytes=length,
            deadline=events[0].deadline,
        )
