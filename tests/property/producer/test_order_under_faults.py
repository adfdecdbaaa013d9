"""P1 and P3 at the producer, whatever the stream answers, loses, delays or refuses.

> P1 no loss: an event the producer acknowledged is applied, or stands in the parking lot.
> P3 order: for each order, events are applied in the order in which they were sent.

Here that means: an acknowledged event is on the stream where its receipt says; an event that is
reported as not sent is not on the stream and never will be; and the first appearances of an order's
events, which are what the consumer applies, stand in the order in which they were sent. Besides:
one unresolved record per key at every moment, and every event gets exactly one result.
"""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contract import OrderKeys
from producer.errors import NotSent, SendError, Unknown
from producer.outcomes import Accepted, Refused, Suspect, Unanswered
from producer.receipts import Receipt
from producer.records import Record, Request
from tests.unit.producer.driving import Driver, LetterBuckets, event_id

ORDERS = ("a1", "a2", "b1", "b2", "c1")
FATES = ("accepted", "accepted", "accepted", "refused", "lost", "landed", "lands later")


class UnreliableStream:
    """Keeps what it was given, answers as it is told, and delivers some puts much later."""

    def __init__(self) -> None:
        self.records: list[tuple[str, ...]] = []
        self.late: list[tuple[str, ...]] = []

    def put(self, record: Record, fate: str):
        names = tuple(event.payload.decode() for event in record.events)
        if fate == "refused":
            return Refused(code="ProvisionedThroughputExceededException", detail="no")
        if fate in ("accepted", "landed"):
            self.records.append(names)
        if fate == "lands later":
            self.late.append(names)
        if fate == "accepted":
            return Accepted(shard_id="shardId-0", sequence_number=len(self.records))
        return Unanswered(code="ReadTimeoutError", detail="no answer")

    def land_late(self, which: int) -> None:
        self.records.append(self.late.pop(which % len(self.late)))

    def first_appearances(self, order_id: str) -> list[str]:
        names = [name for record in self.records for name in record]
        return list(dict.fromkeys(name for name in names if name.startswith(f"{order_id}.")))


class ProducerUnderFaults(RuleBasedStateMachine):
    """Callers, clock, network and stream take turns in any order."""

    @initialize(
        strategy=st.sampled_from([OrderKeys(), LetterBuckets()]),
        record_linger=st.sampled_from([0, 0.3]),
    )
    def begin(self, strategy, record_linger) -> None:
        self.driver = Driver(
            strategy=strategy,
            delivery_timeout=5,
            linger=0.1,
            record_linger=record_linger,
            max_request_records=3,
            max_record_bytes=120,
        )
        self.stream = UnreliableStream()
        self.flying: list[Request] = []
        self.sent: dict[str, list[str]] = {order: [] for order in ORDERS}
        self.poison: set[str] = set()

    @rule(
        order=st.sampled_from(ORDERS),
        events=st.integers(1, 4),
        poisonous=st.sampled_from([0] * 9 + [1]),
    )
    def send(self, order: str, events: int, poisonous: int) -> None:
        for _ in range(events):
            name = f"{order}.{len(self.sent[order])}"
            self.sent[order].append(name)
            if poisonous:
                self.poison.add(name)
            self.driver.offer(name)

    @rule()
    def ask(self) -> None:
        request = self.driver.ask()
        if request is not None:
            self.flying.append(request)

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 9), fates=st.lists(st.sampled_from(FATES), min_size=3, max_size=3))
    def answer(self, which: int, fates: list[str]) -> None:
        request = self.flying.pop(which % len(self.flying))
        names = {event.payload.decode() for record in request.records for event in record.events}
        if names & self.poison:
            outcomes = [Suspect(code="ValidationException", detail="no")] * len(request.records)
        else:
            outcomes = [self.stream.put(r, f) for r, f in zip(request.records, fates, strict=False)]
        self.driver.resolve(request, *outcomes)

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 9), fate=st.sampled_from(("lost", "landed", "lands later")))
    def lose_the_answer_to_a_whole_request(self, which: int, fate: str) -> None:
        request = self.flying.pop(which % len(self.flying))
        fates = [fate if not self._poisoned(record) else "lost" for record in request.records]
        self.driver.resolve(
            request, *(self.stream.put(r, f) for r, f in zip(request.records, fates, strict=True))
        )

    @precondition(lambda self: self.stream.late)
    @rule(which=st.integers(0, 9))
    def land_late(self, which: int) -> None:
        self.stream.land_late(which)

    @rule(seconds=st.sampled_from([0.05, 0.5, 2.0, 6.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.driver.later(seconds)
        self.driver.expire()

    @rule()
    def hurry(self) -> None:
        self.driver.sequencer.hurry(self.driver.now)

    @rule(order=st.sampled_from(ORDERS))
    def resume(self, order: str) -> None:
        self.driver.resume(order)

    @invariant()
    def one_unresolved_record_per_key(self) -> None:
        keys = [record.key for request in self.flying for record in request.records]
        assert len(keys) == len(set(keys))

    @invariant()
    def the_stream_has_every_order_in_order(self) -> None:
        for order, sent in self.sent.items():
            appeared = self.stream.first_appearances(order)
            assert appeared == sorted(appeared, key=sent.index), (order, appeared)

    @invariant()
    def results_are_true(self) -> None:
        present = {event_id(name) for record in self.stream.records for name in record}
        for name, result in self.driver.results.items():
            if isinstance(result, Receipt):
                there = self.stream.records[result.sequence_number - 1]
                assert event_id(there[result.sub_sequence_number]) == result.event_id
            if isinstance(result, NotSent):
                assert result.event_id not in present, (
                    f"{name} is reported as {result}, and is there"
                )

    def teardown(self) -> None:
        """Let it come to rest: the stream works again, the clock runs, late puts land."""
        if not hasattr(self, "driver"):
            return
        while self.flying:
            self.answer(0, ["accepted"] * 3)
        for _ in range(200):
            request = self.driver.ask()
            if request is not None:
                self.flying.append(request)
                self.answer(0, ["accepted"] * 3)
            else:
                self.let_time_pass(0.5)
        while self.stream.late:
            self.stream.land_late(0)
        self.the_stream_has_every_order_in_order()
        self.results_are_true()
        assert self.driver.sequencer.idle
        for sent in self.sent.values():
            assert all(name in self.driver.results for name in sent), "an event got no result"
        failed = {n for n, r in self.driver.results.items() if isinstance(r, SendError)}
        assert self.poison <= failed
        self._memory_is_what_paused_orders_owe()

    def _memory_is_what_paused_orders_owe(self) -> None:
        stats = self.driver.sequencer.stats()
        assert stats.requests_in_flight == 0
        unknown = [r for r in self.driver.results.values() if isinstance(r, Unknown)]
        assert stats.buffered_events <= len(unknown)
        if not stats.paused:
            assert (stats.buffered_events, stats.buffered_bytes) == (0, 0)

    def _poisoned(self, record: Record) -> bool:
        return any(event.payload.decode() in self.poison for event in record.events)


TestProducerUnderFaults = ProducerUnderFaults.TestCase
TestProducerUnderFaults.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
