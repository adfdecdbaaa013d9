"""Which keys may send, in which turn, and what the next request takes from them.

Three places hold keys that have something to send, and a request is filled from them in this order:
`narrowed`, groups that have to go as they are; `held`, failed records whose wait is over; `line`,
resting keys in the order in which they came to rest. A record leaves its place by being launched or
by being settled elsewhere; an entry that is no longer its key's unresolved record is passed over.
With a `record_linger` a key gathers events before it stands in line, until its first event has
waited that long or the record is filled; an entry of `gathering` whose time is not its key's own
any more is passed over too.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from itertools import count

from contract.keys import StreamKey
from producer.keyqueue import KeyQueue
from producer.records import Record, Request
from producer.settings import ProducerSettings

NEVER = float("inf")


class Lineup:
    """Every live key, and the turns of those that can send."""

    def __init__(self, settings: ProducerSettings, *, record_linger: float = 0.0) -> None:
        self._settings = settings
        self._record_linger = record_linger
        self._hurried = -NEVER
        self.queues: dict[StreamKey, KeyQueue] = {}
        self._narrowed: deque[Sequence[Record]] = deque()
        self._held: list[tuple[float, int, Record]] = []
        self._tie = count()
        self._gathering: list[tuple[float, int, KeyQueue]] = []
        self._line: deque[KeyQueue] = deque()
        self._line_due = NEVER

    def queue(self, key: StreamKey) -> KeyQueue:
        """The queue of this key, made if need be; `rest` brings it into the line."""
        queue = self.queues.get(key)
        if queue is None:
            queue = self.queues[key] = KeyQueue(key)
        return queue

    def rest(self, queue: KeyQueue) -> None:
        """Let a key without an unresolved record gather or stand in line, or forget it if it has
        nothing.
        """
        deadline = queue.head_deadline()
        if deadline is None:
            del self.queues[queue.key]  # its other places are passed over when their turn comes
            return
        if queue.unresolved is not None or queue.in_line:
            return
        offered = deadline - self._settings.delivery_timeout
        if not self._record_linger or queue.filled or offered <= self._hurried:
            self._stand_in_line(queue, offered)
        elif not queue.gathers_until:
            queue.gathers_until = offered + self._record_linger
            heapq.heappush(self._gathering, (queue.gathers_until, next(self._tie), queue))

    def hold(self, record: Record, *, until: float) -> None:
        """Keep a failed record, and its key with it, for a later attempt."""
        self.queues[record.key].unresolved = record
        heapq.heappush(self._held, (until, next(self._tie), record))

    def narrow(self, records: Sequence[Record]) -> None:
        """Let these records have a request of their own, before anything else."""
        for record in records:
            self.queues[record.key].unresolved = record
        self._narrowed.append(records)

    def hurry(self, now: float) -> None:
        """Let nothing that was offered until now wait for company."""
        self._hurried = now
        self._gathered(NEVER)
        self._line_due = -NEVER

    def due(self) -> float:
        """The time from which on `next_request` may have something, if nothing happens."""
        if self._narrowed or self._line_is_full:
            return -NEVER
        return min(
            self._line_due,
            self._held[0][0] if self._held else NEVER,
            self._gathering[0][0] if self._gathering else NEVER,
        )

    def next_request(self, now: float) -> Request | None:
        """The request whose turn it is, its keys flying from now on; None if nothing is due."""
        while self._narrowed:
            records = [record for record in self._narrowed.popleft() if self._is_current(record)]
            if records:
                return self._launch(records)
        self._gathered(now)
        records, room = self._due_again(now)
        if records or self._line_is_full or now >= self._line_due:
            self._fill_from_line(records, room, now)
        return self._launch(records) if records else None

    @property
    def _line_is_full(self) -> bool:
        return len(self._line) >= self._settings.max_request_records

    def _gathered(self, now: float) -> None:
        while self._gathering and self._gathering[0][0] <= now:
            until, _, queue = heapq.heappop(self._gathering)
            if until == queue.gathers_until and not queue.empty:
                self._stand_in_line(queue, until)

    def _stand_in_line(self, queue: KeyQueue, since: float) -> None:
        queue.gathers_until = 0.0
        queue.in_line = True
        self._line.append(queue)
        self._line_due = min(self._line_due, since + self._settings.linger)

    def _due_again(self, now: float) -> tuple[list[Record], int]:
        records: list[Record] = []
        room = self._settings.max_request_bytes
        while self._held and self._held[0][0] <= now:
            record = self._held[0][2]
            if self._is_current(record):
                if record.size > room or len(records) == self._settings.max_request_records:
                    break
                records.append(record)
                room -= record.size
            heapq.heappop(self._held)
        return records, room

    def _fill_from_line(self, records: list[Record], room: int, now: float) -> None:
        while self._line and len(records) < self._settings.max_request_records:
            queue = self._line[0]
            if not queue.empty:
                record = queue.form(room=room, cap=self._settings.max_record_bytes)
                if record is None:
                    break
                queue.unresolved = record
                records.append(record)
                room -= record.size
            self._line.popleft()
            queue.in_line = False
        self._line_due = now if self._line else NEVER

    def _launch(self, records: Sequence[Record]) -> Request:
        for record in records:
            self.queues[record.key].flying = True
        return Request(records=tuple(records))

    def _is_current(self, record: Record) -> bool:
        queue = self.queues.get(record.key)
        return queue is not None and queue.unresolved is record
