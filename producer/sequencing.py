"""Which record is put when: the producer's decisions, without I/O, clock, threads or randomness.

Theory of operation
===================

PutRecords may store some records of a request and refuse others, and "doesn't guarantee the
ordering of records" (Kinesis API reference, PutRecords). What can be relied on is time: sequence
numbers of a shard "increase over time". So order per key follows from one rule, and everything here
serves it:

    **A key has at most one unresolved record. Nothing newer of that key is put before the record is
    known to be on the stream, or is known not to be and its order is paused.**

*Every receipt is compared with the one before.* Strictly increasing numbers are promised only to
PutRecord with `SequenceNumberForOrdering` (API reference, PutRecord), one event per round trip. If
two puts of a key, one after the other, ever go back, the second event is `OutOfOrder`.

*Speed comes from what waits.* While a key's record is away, its newer events gather behind it, and
all of them (up to a cap) become its next record. So a hot order is limited by bytes, not by round
trips, and cold ones share requests of up to 500 records.

*What a record costs is worth a wait where orders share a key.* In `bucket` mode a key gathers
events for a while before its next record is formed (`record_linger`), because Kinesis counts
records, and up to 25 KB of them as one.

*A failed record is frozen.* It is tried again with the same bytes, ahead of its key, after a wait
with full jitter; other keys do not notice. Once an attempt has gone unanswered the record is
`unknown` for good: a later refusal says nothing about the earlier attempt, which may still land.

*A late double is harmless because its original went first.* Suppose e1 goes unanswered, is sent
again and acknowledged, then e2 is acknowledged, and only now the first put of e1 lands. Behind e2
there is now a second e1 with the same id, which the consumer drops. Had e2 been put before e1 was
known to be there, the late e1 would be the only one, behind its successor. Hence a record that is
`unknown` when its deadline passes is kept, and `resume` puts it in front of everything newer.

*A failure that is final pauses the order.* Its waiting events fail, and so do new ones, because an
order that goes on after a hole has lost its order. Only the caller can decide what is next: send
the failed event again, or do without it; then `resume`.

*A request that is refused for one record's sake is halved* until one record is left, then that
record is halved until one event is left (unless the record is unknown: those bytes are frozen).
That event is final, `NotSent`; everything else goes.

| outcome of a record | in time | deadline passed |
|---|---|---|
| `Accepted`, receipt grows | receipts; the key rests | same |
| `Accepted`, receipt does not grow | `OutOfOrder`; the order pauses | same |
| `Refused` | held, tried again | `NotSent`, or `Unknown` if unknown; the order pauses |
| `Unanswered` | held, unknown from now on | `Unknown`; the order pauses and owes the record |
| `Suspect`, several in the request | halves of the request | same; their deadline ends it |
| `Suspect`, alone, several events, not unknown | its first half; the rest waits | same |
| `Suspect`, alone, else | as `Refused` after its deadline | same |

Memory is what is unresolved, what paused orders owe, one entry per paused order, and the bounded
`LastReceipts`; a key at rest with nothing to send is forgotten. Deadlines are found by looking
through the live keys, at most a hundred times per delivery timeout: they may come that much late.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

import msgspec

from contract.keys import KeyStrategy
from producer.backoff import FullJitter
from producer.errors import KeyPaused, NotSent, OutOfOrder, SendError, Unknown
from producer.keyqueue import KeyQueue
from producer.lineup import NEVER, Lineup
from producer.outcomes import Accepted, Outcome, Suspect
from producer.pauses import Pauses
from producer.receipts import LastReceipts, Receipt, receipts_of
from producer.records import Outgoing, Record, Request, Ticket, payload_bytes
from producer.settings import ProducerSettings
from producer.stats import Stats

Resolution: TypeAlias = tuple[Ticket, Receipt | SendError]
"""One event's ticket and its result: every ticket that was taken gets exactly one."""


class Sequencer:
    """The state machine. Times are seconds on any clock that does not go back.

    The shell calls `offer`, asks `next_request`, puts what it gets, and reports `resolved`, as many
    requests at once as it likes; between, `expire`. It must deliver every `Resolution` it is given.
    """

    def __init__(
        self, *, settings: ProducerSettings, strategy: KeyStrategy, backoff: FullJitter
    ) -> None:
        self._settings = settings
        self._strategy = strategy
        self._backoff = backoff
        self._lineup = Lineup(settings, record_linger=settings.record_linger_in(strategy.mode))
        self._pauses = Pauses()
        self._done: list[Resolution] = []
        self._last = LastReceipts(settings.remembered_keys)
        self._next_expiry = NEVER
        self._stopped = False
        self._events = self._bytes = self._requests = self._sent = self._retries = 0

    def refusal(self, event_id: UUID, order_id: str) -> KeyPaused | None:
        """Why this event would not be taken; None unless its order is paused."""
        return self._pauses.refusal(event_id, order_id)

    def has_room(self, size: int) -> bool:
        """Whether an event of this many bytes may be offered."""
        places = self._settings.max_buffered_events - self._events - len(self._pauses)
        return places > 0 and self._bytes + size <= self._settings.max_buffered_bytes

    def offer(
        self, *, event_id: UUID, order_id: str, payload: bytes, ticket: Ticket, now: float
    ) -> KeyPaused | None:
        """Take one event behind every earlier one of its order, or say why its order is paused.

        Whether there is room is the caller's to ask, with `has_room`.
        """
        refusal = self._pauses.refusal(event_id, order_id)
        if refusal is not None:
            return refusal
        event = Outgoing(
            event_id=event_id,
            order_id=order_id,
            payload=payload,
            deadline=now + self._settings.delivery_timeout,
            ticket=ticket,
        )
        queue = self._lineup.queue(self._strategy.stream_key(order_id))
        queue.add(event)
        self._lineup.rest(queue)
        self._next_expiry = min(self._next_expiry, event.deadline)
        self._events += 1
        self._bytes += len(payload)
        return None

    def resume(
        self, order_id: str, *, now: float, new_ticket: Callable[[], Ticket]
    ) -> list[Ticket]:
        """Let a paused order go on; what it owes goes first, under the new tickets returned."""
        record = self._pauses.resume(order_id)
        if record is None:
            return []
        deadline = now + self._settings.delivery_timeout
        record = record.again(deadline=deadline, new_ticket=new_ticket)
        queue = self._lineup.queue(record.key)
        queue.owed.append(record)
        self._lineup.rest(queue)
        self._next_expiry = min(self._next_expiry, deadline)
        return [event.ticket for event in record.events]

    def next_request(self, now: float) -> Request | None:
        """The request to put now, or None; ask again at `wakeup`, or after any other call."""
        request = None if self._stopped else self._lineup.next_request(now)
        if request is not None:
            self._requests += 1
        return request

    def resolved(
        self, request: Request, outcomes: Sequence[Outcome], now: float
    ) -> list[Resolution]:
        """Take the outcome of every record of a request, in the request's order."""
        self._requests -= 1
        suspects: list[Record] = []
        for record, outcome in zip(request.records, outcomes, strict=True):
            queue = self._lineup.queues[record.key]
            queue.flying = False
            if isinstance(outcome, Accepted):
                self._accepted(queue, record, outcome)
            elif isinstance(outcome, Suspect):
                suspects.append(record.after(outcome))
            else:
                self._failed(queue, record.after(outcome), now)
        if suspects:
            self._narrow(suspects)
        return self._take_done()

    def expire(self, now: float) -> list[Resolution]:
        """Fail what should have been on its way by now. Cheap until something may be due."""
        if self._stopped:
            now = NEVER
        if now < self._next_expiry:
            return []
        soonest = NEVER
        for queue in list(self._lineup.queues.values()):
            self._expire(queue, now)
            deadline = queue.head_deadline()
            soonest = soonest if deadline is None else min(soonest, deadline)
        self._next_expiry = max(soonest, now + self._settings.delivery_timeout / 100)
        return self._take_done()

    def hurry(self, now: float) -> None:
        """Let nothing that was offered until now wait for company."""
        self._lineup.hurry(now)

    def stop(self) -> list[Resolution]:
        """Fail everything that is not in flight; what is in flight is not tried again.

        No request is formed any more. Once every request is resolved, `expire` fails the rest.
        """
        self._stopped = True
        return self.expire(NEVER)

    @property
    def idle(self) -> bool:
        """Whether every event that was taken has its result, and nothing is in flight."""
        return not self._lineup.queues

    def wakeup(self) -> float:
        """The time at which `next_request` or `expire` has something to do, if nothing happens."""
        return min(self._lineup.due(), self._next_expiry)

    def outstanding(self) -> Iterator[Ticket]:
        """The tickets of every event that has no result yet."""
        for queue in self._lineup.queues.values():
            for event in queue.events():
                yield event.ticket

    def paused(self) -> Mapping[str, SendError]:
        """The paused orders, each with the failure that paused it."""
        return self._pauses.causes()

    def stats(self) -> Stats:
        """The state in numbers."""
        return Stats(
            buffered_events=self._events,
            buffered_bytes=self._bytes,
            requests_in_flight=self._requests,
            sent=self._sent,
            retries=self._retries,
            paused=len(self._pauses),
        )

    def _accepted(self, queue: KeyQueue, record: Record, outcome: Accepted) -> None:
        queue.unresolved = None
        self._release(len(record.events), record.payload_bytes)
        if not self._last.grows(record.key, outcome.sequence_number):
            detail = f"it is at {outcome.sequence_number}, not after its key's last receipt"
            record = msgspec.structs.replace(record, code="OutOfOrder", detail=detail)
            self._fail(queue, record, OutOfOrder)
            return
        self._sent += len(record.events)
        self._done.extend(receipts_of(record, outcome))
        self._lineup.rest(queue)

    def _failed(self, queue: KeyQueue, record: Record, now: float) -> None:
        again = now + self._backoff.delay(record.attempts)
        if self._stopped or again >= record.deadline:
            self._give_up(queue, record)
        else:
            self._retries += 1
            self._lineup.hold(record, until=again)

    def _narrow(self, suspects: list[Record]) -> None:
        if len(suspects) > 1:
            half = len(suspects) // 2
            self._lineup.narrow(suspects[:half])
            self._lineup.narrow(suspects[half:])
            return
        (record,) = suspects
        queue = self._lineup.queues[record.key]
        if len(record.events) > 1 and not record.unknown:
            self._lineup.narrow([queue.halve(record)])
        else:
            self._give_up(queue, record)

    def _expire(self, queue: KeyQueue, now: float) -> None:
        while not queue.flying:
            deadline = queue.head_deadline()
            if deadline is None or deadline > now:
                return
            if queue.unresolved is not None:
                self._give_up(queue, queue.unresolved)
            else:
                self._give_up(queue, queue.owed.pop(0) if queue.owed else queue.first())

    def _give_up(self, queue: KeyQueue, record: Record) -> None:
        queue.unresolved = None
        if record.unknown:
            self._fail(queue, record, Unknown, owes=record)
        else:
            self._release(len(record.events), record.payload_bytes)
            self._fail(queue, record, NotSent)

    def _fail(
        self, queue: KeyQueue, record: Record, error: type[SendError], owes: Record | None = None
    ) -> None:
        """Fail a record's events for good, pause their orders, and fail what waits behind them."""
        self._done.extend(self._pauses.fail(record, error, owes))
        behind = queue.drop(record.orders())
        self._release(len(behind), payload_bytes(behind))
        self._done.extend(self._pauses.refuse(behind))
        self._lineup.rest(queue)

    def _release(self, events: int, payload: int) -> None:
        self._events -= events
        self._bytes -= payload

    def _take_done(self) -> list[Resolution]:
        done, self._done = self._done, []
        return done
