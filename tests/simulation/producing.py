"""Callers and their producers: the real sequencer, and around it the shell that runs it.

A caller sends the events of its orders in order and does what the producer's documentation asks of
it: after a failure it resumes the order and sends again what failed, in order; after a crash its
successor sends again whatever has no receipt, before anything newer.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from contract.keys import BUCKET_BITS, BucketKeys, KeyStrategy, OrderKeys, StreamKey
from producer.backoff import FullJitter
from producer.errors import NotSent, Unknown
from producer.kinesis import Stream
from producer.receipts import Receipt
from producer.records import Request
from producer.sequencing import Resolution, Sequencer
from producer.settings import ProducerSettings
from tests.simulation.dice import Dice
from tests.simulation.loop import Loop
from tests.simulation.scenario import Item, OrderPlan
from tests.simulation.stream.client import Client
from tests.simulation.stream.shards import HASHES

NEVER = float("inf")
MOST_IN_FLIGHT = 4
_BUCKETS_IN_ONE = 1_366


class Buckets:
    """The real mode's names and hash keys, of three buckets only: hardly two of the few orders here
    would share one of 4,096.
    """

    mode = BucketKeys.mode

    def stream_key(self, order_id: str) -> StreamKey:
        own = BucketKeys().stream_key(order_id)
        bucket = int(own.partition_key.removeprefix("bucket-"), 16)
        first = bucket - bucket % _BUCKETS_IN_ONE
        return StreamKey(f"bucket-{first:03x}", str(first * HASHES >> BUCKET_BITS))


class Line:
    """What one order still has to send, and how far each item is."""

    def __init__(self, plan: OrderPlan) -> None:
        self.plan = plan
        self.left = plan.sending()
        self.offered: list[Item] = []
        """Handed to the producer once, in order; `standing` says what became of each."""
        self.standing: dict[UUID, str] = {}
        self.recovering = False
        self.first: set[UUID] = set()
        self.tried: set[UUID] = set()
        """Handed over more than once: an earlier attempt may still land."""

    @staticmethod
    def ticket(item: Item) -> UUID:
        """Names an item at the producer: its own id, even where the event carries another's."""
        return UUID(int=(ord(item.order_id) << 64) | item.n)


class Caller:
    """One application with one producer process at a time."""

    def __init__(
        self,
        *,
        loop: Loop,
        dice: Dice,
        client: Client,
        plans: list[OrderPlan],
        buckets: bool,
        checker: Any,
        log: Callable[..., None],
    ) -> None:
        self._loop = loop
        self._dice = dice
        self._client = client
        self._strategy: KeyStrategy = Buckets() if buckets else OrderKeys()
        self._checker = checker
        self._log = log
        self._lines = {plan.order_id: Line(plan) for plan in plans}
        self._items = {
            Line.ticket(item): item for line in self._lines.values() for item in line.plan.items
        }
        self._life = 0
        self._begin()
        for line in self._lines.values():
            self._plan_next(line)

    @property
    def done(self) -> bool:
        """Whether everything was sent and acknowledged."""
        return all(
            not line.left and all(s == "acknowledged" for s in line.standing.values())
            for line in self._lines.values()
        )

    def crash(self) -> None:
        """The process dies; its requests may be on their way still. A new one begins later."""
        if not self._alive:
            return
        self._log("producer crashes")
        self._alive = False
        self._life += 1
        for line in self._lines.values():
            line.recovering = False
            for ticket, standing in line.standing.items():
                if standing != "acknowledged":
                    line.standing[ticket] = "failed"
        self._loop.after(self._dice.between(100, 5_000), self._restart)

    def _restart(self) -> None:
        self._begin()
        for line in self._lines.values():
            self._send_failed(line)

    def _begin(self) -> None:
        self._alive = True
        self._client.process = f"{''.join(self._lines)} life {self._life}"
        self._in_flight = 0
        self._waker = -1
        settings = ProducerSettings(
            delivery_timeout=self._dice.pick((3.0, 10.0, 30.0)),
            linger=self._dice.pick((0.005, 0.2)),
            max_record_bytes=self._dice.pick((700, 256 * 1024)),
            max_requests_in_flight=MOST_IN_FLIGHT,
            guards=False,
        )
        self._sequencer = Sequencer(
            settings=settings,
            strategy=self._strategy,
            backoff=FullJitter(base=0.05, cap=2.0, random=self._dice.random),
        )
        self._stream = Stream("orders", self._client)

    # ------------------------------------------------------------------------ the application

    def _plan_next(self, line: Line) -> None:
        if line.left:
            self._loop.after(line.left[0].pause_ms, lambda: self._send_next(line))

    def _send_next(self, line: Line) -> None:
        item = line.left.pop(0)
        line.offered.append(item)
        line.standing[Line.ticket(item)] = "failed"
        if self._alive:
            self._send_failed(line)
        self._plan_next(line)

    def _send_failed(self, line: Line) -> None:
        """Hand over, in order, what is not with the producer and has no receipt."""
        if line.recovering:
            return
        for item in line.offered:
            ticket = Line.ticket(item)
            if line.standing[ticket] == "failed":
                refusal = self._sequencer.offer(
                    event_id=ticket,
                    order_id=item.order_id,
                    payload=item.payload,
                    ticket=ticket,
                    now=self._now,
                )
                if refusal is not None:
                    self._recover(line)
                    break
                if ticket in line.first:
                    line.tried.add(ticket)
                line.first.add(ticket)
                line.standing[ticket] = "sent"
        self._pump()

    def _first_try(self, line: Line, item: Item) -> bool:
        """Whether nothing that was sent before can be taken for this."""
        return Line.ticket(item) not in line.tried and item.equals is None

    def _recover(self, line: Line) -> None:
        """Once nothing of the order is under way any more: resume, and send what failed."""
        if line.recovering:
            return
        line.recovering = True
        life = self._life
        self._loop.after(self._dice.between(10, 3_000), lambda: self._resume(line, life))

    def _resume(self, line: Line, life: int) -> None:
        if life != self._life:
            return
        line.recovering = False
        order_id = line.plan.order_id
        owed = self._sequencer.resume(order_id, now=self._now, new_ticket=lambda: UUID(int=0))
        self._log(f"resume {order_id}, {len(owed)} owed")
        for other in self._lines.values():
            for ticket, standing in other.standing.items():
                if standing == "unknown" and ticket in self._outstanding():
                    other.standing[ticket] = "sent"
        self._send_failed(line)

    def _outstanding(self) -> set[UUID]:
        queues = self._sequencer._lineup.queues.values()
        return {event.event_id for queue in queues for event in queue.events()}

    # ------------------------------------------------------------------------ the producer's shell

    @property
    def _now(self) -> float:
        return self._loop.now / 1_000

    def _pump(self) -> None:
        self._deliver(self._sequencer.expire(self._now))
        while self._in_flight < MOST_IN_FLIGHT:
            request = self._sequencer.next_request(self._now)
            if request is None:
                break
            self._in_flight += 1
            self._put(request, self._life)
        self._wake()

    def _wake(self) -> None:
        wakeup = self._sequencer.wakeup()
        if wakeup == NEVER:
            return
        at = max(int(wakeup * 1_000) + 1, self._loop.now + 1)
        if self._waker < 0 or at < self._waker:
            self._waker = at
            life = self._life
            self._loop.at(at, lambda: self._woken(at, life))

    def _woken(self, at: int, life: int) -> None:
        if life == self._life and at == self._waker:
            self._waker = -1
            if self._alive:
                self._pump()

    def _put(self, request: Request, life: int) -> None:
        names = [self._items[e.event_id].name for r in request.records for e in r.events]
        self._log("put", *names)
        stream = self._stream

        def resolve(task: object) -> None:
            if life == self._life and self._alive:
                self._in_flight -= 1
                outcomes = task.result  # type: ignore[attr-defined]
                self._log("answer", *(type(outcome).__name__ for outcome in outcomes))
                self._deliver(self._sequencer.resolved(request, outcomes, self._now))
                self._pump()

        self._loop.spawn(lambda: stream.put(request), resolve)

    def _deliver(self, done: list[Resolution]) -> None:
        for _, result in done:
            item = self._items[result.event_id]
            line = self._lines[item.order_id]
            if isinstance(result, Receipt):
                line.standing[result.event_id] = "acknowledged"
                self._log("acknowledged", item.name)
                self._checker.acknowledged(item)
            else:
                self._log(type(result).__name__, item.name, result.code)
                if type(result) is NotSent and self._first_try(line, item):
                    goes_on = line.plan.consistent() and self._dice.chance(0.3)
                    self._checker.not_sent(item, dropped=goes_on)
                    if goes_on:
                        self._log("does without", item.name)
                        line.standing[result.event_id] = "acknowledged"
                        self._recover(line)
                        continue
                unknown = isinstance(result, Unknown)
                line.standing[result.event_id] = "unknown" if unknown else "failed"
                self._recover(line)
