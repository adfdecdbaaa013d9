"""The library against a real endpoint over HTTP, with the real boto3 client, under faults.

> P1 no loss: an event the producer acknowledged is on the stream.
> P3 order: for each order, events stand on the stream in the order in which they were sent.
"""

import json
import random
import threading
from concurrent.futures import wait
from time import monotonic

import boto3
import pytest
from botocore.config import Config

from contract import Event, InvalidEvent, parse_event
from producer import (
    BufferFull,
    InvalidSetting,
    KeyPaused,
    NotSent,
    OutOfOrder,
    Producer,
    ProducerClosed,
    ProducerSettings,
    Unknown,
    kinesis_client,
)
from tests.integration.producer import faulty_front as faults
from tests.integration.producer.conftest import CREDENTIALS
from tests.integration.producer.orders import event, first_appearances, numbers

QUICK = {
    "delivery_timeout": 5.0,
    "retry_base": 0.01,
    "retry_cap": 0.05,
    "read_timeout": 0.3,
    "linger": 0.001,
}


@pytest.fixture
def start(front, stream):
    """Start producers on the test's stream, through the faulty front."""
    started = []

    def start(**changes) -> Producer:
        settings = ProducerSettings(**QUICK | changes)
        client = kinesis_client(settings, endpoint_url=front.url, **CREDENTIALS)
        producer = Producer(stream, client, settings=settings)
        started.append(producer)
        return producer

    yield start
    for producer in started:
        producer.close(timeout=0)


def test_events_arrive_in_order_with_receipts_that_say_where(start, stream, read_stream):
    with start() as producer:
        sent = [
            (f"order-{n % 7}", n, producer.send(event(f"order-{n % 7}", n))) for n in range(300)
        ]
    found = read_stream(stream)
    for order in {order for order, _, _ in sent}:
        assert numbers(found[order]) == [n for o, n, _ in sent if o == order]
    for order, n, future in sent:
        receipt = future.result(0)
        records = dict(found[order])
        assert records[receipt.sequence_number][receipt.sub_sequence_number] == event(order, n)
        assert receipt.order_id == order
        assert receipt.shard_id.startswith("shardId-")


def test_a_single_event_is_a_plain_record_of_the_bytes_that_were_given(start, stream, read_stream):
    raw = event("a", 1).replace(b", ", b" ,  ")
    with start() as producer:
        receipt = producer.send(raw).result(5)
    ((number, events),) = read_stream(stream)["a"]
    assert events == [raw]
    assert (receipt.sequence_number, receipt.sub_sequence_number) == (number, 0)


def test_events_may_be_given_as_bytes_mapping_or_event(start, stream, read_stream):
    with start() as producer:
        forms = [event("a", 1), json.loads(event("a", 2)), parse_event(event("a", 3))]
        assert isinstance(forms[2], Event)
        for form in forms:
            producer.send(form).result(5)
    assert numbers(read_stream(stream)["a"]) == [1, 2, 3]


def test_an_invalid_event_is_refused_before_it_is_taken(start):
    with start() as producer:
        with pytest.raises(InvalidEvent, match="order_id"):
            producer.send(event("", 1))
        with pytest.raises(InvalidEvent):
            producer.send({"id": object()})
        assert producer.stats().buffered_events == 0


@pytest.mark.parametrize(
    "fault",
    [
        faults.throttled,
        faults.internal_failure_after_storing,
        faults.no_answer_after_storing,
        faults.no_answer,
        faults.reset_before,
        faults.reset_after_storing,
        faults.partial(0),
        faults.partial(0, code="InternalFailure"),
    ],
    ids=lambda fault: getattr(fault, "__name__", "partial"),
)
def test_a_failed_put_is_repeated_before_anything_newer_of_its_order(
    start, stream, front, read_stream, fault
):
    producer = start()
    front.script.extend([fault, fault])
    futures = [producer.send(event("a", n)) for n in range(5)]
    for future in futures:
        future.result(10)
    producer.close()
    found = numbers(read_stream(stream)["a"])
    assert first_appearances(found) == [0, 1, 2, 3, 4]
    assert producer.stats().retries == 2


def test_only_the_failed_records_of_a_request_are_repeated(start, stream, front, read_stream):
    producer = start(linger=0.2)
    front.script.append(faults.partial(1, 3))
    futures = [producer.send(event(f"order-{n}", n)) for n in range(5)]
    producer.flush(10)
    assert all(future.result(0) for future in futures)
    assert [key for call in front.calls[1:] for key, _ in call.records] != []
    assert {key for call in front.calls[1:] for key, _ in call.records} == {"order-1", "order-3"}
    assert {key: numbers(found) for key, found in read_stream(stream).items()} == {
        f"order-{n}": [n] for n in range(5)
    }


def test_a_held_key_does_not_hold_another(start, front):
    producer = start(delivery_timeout=30)
    release = threading.Event()

    def throttle_a(call):
        if not release.is_set() and "a" in dict(call.records):
            keys = [key for key, _ in call.records]
            return faults.partial(keys.index("a"))
        return None

    front.rule = throttle_a
    held = producer.send(event("a", 1))
    assert producer.send(event("b", 1)).result(5)
    assert producer.send(event("b", 2)).result(5)
    assert not held.done()
    release.set()
    assert held.result(5)


def test_trap_2_an_unknown_event_goes_again_after_resume_and_its_late_double_is_harmless(
    start, stream, front, read_stream
):
    """Trap 2, on a real stream: e1 times out and pauses its key; resume; e1 goes again, then e2;
    then e1's first put lands.
    """
    producer = start(delivery_timeout=0.2)
    late = faults.LandsLate()
    front.script.append(late)
    first = producer.send(event("a", 1))
    assert isinstance(first.exception(5), Unknown)
    refused = producer.send(event("a", 2)).exception(0)
    assert isinstance(refused, KeyPaused)
    assert refused.cause is first.exception(0)
    assert set(producer.paused()) == {"a"}

    (again,) = producer.resume("a")
    second = producer.send(event("a", 2))
    assert again.result(5).position < second.result(5).position
    late.land()
    producer.close()
    found = numbers(read_stream(stream)["a"])
    assert found == [1, 2, 1]
    assert first_appearances(found) == [1, 2]


def test_an_order_that_is_refused_until_its_deadline_is_paused_as_not_sent(
    start, stream, front, read_stream
):
    producer = start(delivery_timeout=0.3)
    front.rule = lambda call: faults.throttled if "a" in dict(call.records) else None
    first, second = producer.send(event("a", 1)), producer.send(event("a", 2))
    assert type(first.exception(5)) is NotSent
    assert first.exception(0).code == "ProvisionedThroughputExceededException"
    assert isinstance(second.exception(5), NotSent)
    assert producer.send(event("b", 1)).result(5)
    front.rule = lambda _: None
    assert producer.resume("a") == []
    assert producer.send(event("a", 1)).result(5)
    assert numbers(read_stream(stream)["a"]) == [1]


def test_trap_20_a_sequence_number_that_does_not_grow_fails_the_event(start, front):
    """Trap 20: two sequential puts of one key come back with decreasing sequence numbers."""
    producer = start()
    assert producer.send(event("a", 1)).result(5)

    def goes_back(call):
        answer = call.forward()
        answer["Records"][0]["SequenceNumber"] = "1"
        call.answer(answer)

    front.script.append(goes_back)
    assert isinstance(producer.send(event("a", 2)).exception(5), OutOfOrder)
    assert isinstance(producer.send(event("a", 3)).exception(5), KeyPaused)


def test_trap_21_a_record_that_spoils_its_request_fails_alone(start, stream, front, read_stream):
    """Trap 21: one oversize or invalid record in a PutRecords of 500."""
    front.rule = lambda call: (
        (lambda c: c.fail("ValidationException")) if "order-7" in dict(call.records) else None
    )
    producer = start(linger=0.5)
    futures = [producer.send(event(f"order-{n}", n)) for n in range(40)]
    producer.flush(20)
    assert isinstance(futures[7].exception(0), NotSent)
    assert futures[7].exception(0).code == "ValidationException"
    assert all(future.result(0) for n, future in enumerate(futures) if n != 7)
    assert len(read_stream(stream)) == 39


def test_a_stream_with_a_smaller_record_limit_gets_smaller_records(
    start, stream, front, read_stream
):
    def too_large(call):
        large = any(len(data) > 2_000 for _, data in call.records)
        return (lambda c: c.fail("InvalidArgumentException")) if large else None

    front.rule = too_large
    producer = start(linger=0.2)
    futures = [producer.send(event("a", n)) for n in range(60)]
    producer.flush(20)
    assert all(future.result(0) for future in futures)
    assert numbers(read_stream(stream)["a"]) == list(range(60))


def test_random_faults_break_no_order(start, stream, front, read_stream):
    """P1 and P3 over a few hundred events while every third request goes wrong in some way."""
    choose = random.Random(20260721)
    late = faults.LandsLate()
    kinds = [
        faults.throttled,
        faults.internal_failure_after_storing,
        faults.no_answer_after_storing,
        faults.reset_before,
        faults.reset_after_storing,
        faults.partial(0),
        faults.partial(0, 1, code="InternalFailure"),
        late,
    ]
    front.rule = lambda _: choose.choice(kinds) if choose.random() < 0.3 else None
    producer = start(delivery_timeout=60, max_record_bytes=1_000, max_request_records=5)
    futures = [producer.send(event(f"order-{n % 11}", n)) for n in range(400)]
    producer.flush(60)
    late.land()
    assert all(future.result(0) for future in futures)
    found = read_stream(stream)
    for order in range(11):
        appeared = first_appearances(numbers(found[f"order-{order}"]))
        assert appeared == list(range(order, 400, 11))


def test_many_threads_share_a_small_buffer_and_every_order_keeps_its_order(
    start, stream, front, read_stream
):
    choose = random.Random(7)
    kinds = [faults.throttled, faults.reset_after_storing, faults.internal_failure_after_storing]
    front.rule = lambda _: choose.choice(kinds) if choose.random() < 0.2 else None
    producer = start(max_buffered_events=20, delivery_timeout=60)
    futures = []

    def send_orders(thread: int) -> None:
        futures.extend(producer.send(event(f"order-{thread}-{n % 3}", n)) for n in range(100))

    threads = [threading.Thread(target=send_orders, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    producer.flush(60)
    assert len([future.result(0) for future in futures]) == 400
    found = {
        key: first_appearances(numbers(records)) for key, records in read_stream(stream).items()
    }
    assert found == {
        f"order-{thread}-{k}": list(range(k, 100, 3)) for thread in range(4) for k in range(3)
    }


def test_a_full_buffer_raises_or_blocks_as_chosen(start, front):
    stalled = threading.Event()
    front.rule = lambda _: lambda call: (stalled.wait(10), call.answer(call.forward()))
    raising = start(max_buffered_events=2, on_full="raise", read_timeout=20.0)
    futures = [raising.send(event("a", 1)), raising.send(event("b", 1))]
    with pytest.raises(BufferFull, match="buffered_events=2"):
        raising.send(event("c", 1))

    blocking = start(max_buffered_events=1, read_timeout=20.0)
    futures.append(blocking.send(event("d", 1)))
    entered = threading.Event()

    def send_more():
        entered.set()
        futures.append(blocking.send(event("e", 1)))

    sender = threading.Thread(target=send_more)
    sender.start()
    assert entered.wait(5)
    sender.join(0.1)
    assert sender.is_alive(), "send did not wait for room"
    stalled.set()
    sender.join(5)
    wait(futures, 10)
    assert all(future.result(0) for future in futures)


def test_resuming_an_order_makes_room(start, front):
    front.rule = lambda call: faults.throttled if "a" in dict(call.records) else None
    producer = start(max_buffered_events=1, delivery_timeout=0.1, block_timeout=20)
    assert isinstance(producer.send(event("a", 1)).exception(5), NotSent)
    sent = []
    sender = threading.Thread(target=lambda: sent.append(producer.send(event("b", 1))))
    sender.start()
    sender.join(0.1)
    assert sender.is_alive(), "a paused order keeps its place in the buffer"
    producer.resume("a")
    sender.join(5)
    assert sent[0].result(5)


def test_a_blocked_send_gives_up_after_its_time(start, front):
    front.rule = lambda _: faults.throttled
    producer = start(max_buffered_events=1, block_timeout=0.1, delivery_timeout=20)
    producer.send(event("a", 1))
    with pytest.raises(BufferFull):
        producer.send(event("b", 1))


def test_flush_waits_for_what_was_sent_and_says_when_it_could_not(start, front):
    front.rule = lambda _: faults.throttled
    producer = start(delivery_timeout=20)
    future = producer.send(event("a", 1))
    with pytest.raises(TimeoutError, match="1 events"):
        producer.flush(0.1)
    front.rule = lambda _: None
    producer.flush(10)
    assert future.done()


def test_flush_does_not_linger(start):
    producer = start(linger=25, delivery_timeout=60)
    future = producer.send(event("a", 1))
    producer.flush(10)
    assert future.result(0)


def test_close_leaves_nothing_open_and_takes_nothing_more(start, front):
    front.rule = lambda _: faults.throttled
    producer = start(delivery_timeout=60)
    future = producer.send(event("a", 1))
    producer.close(timeout=0.05)
    assert isinstance(future.exception(0), NotSent)
    with pytest.raises(ProducerClosed):
        producer.send(event("a", 2))
    assert not any(thread.is_alive() for thread in producer._threads)
    assert producer.stats().requests_in_flight == 0


def test_closing_wakes_a_send_that_waits_for_room(start, front):
    front.rule = lambda _: faults.throttled
    producer = start(max_buffered_events=1, delivery_timeout=60)
    producer.send(event("a", 1))
    raised = []

    def send_more():
        try:
            producer.send(event("b", 1))
        except ProducerClosed as error:
            raised.append(error)

    sender = threading.Thread(target=send_more)
    sender.start()
    producer.close(timeout=0.1)
    sender.join(5)
    assert len(raised) == 1


def test_leaving_with_an_exception_does_not_wait_for_retries(start, front):
    front.rule = lambda _: faults.throttled
    futures = []

    def be_interrupted():
        with start(delivery_timeout=20) as producer:
            futures.append(producer.send(event("a", 1)))
            raise KeyboardInterrupt

    began = monotonic()
    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert monotonic() - began < 10
    assert isinstance(futures[0].exception(0), NotSent)


def test_a_sent_event_cannot_be_cancelled(start):
    producer = start(linger=0.2)
    future = producer.send(event("a", 1))
    assert not future.cancel()
    assert future.result(5)


def test_a_callback_may_send_and_resume(start, front):
    producer = start(delivery_timeout=0.2)
    front.script.extend([faults.throttled] * 50)
    followed = threading.Event()
    after = []

    def go_on(future):
        front.script.clear()
        producer.resume("a")
        after.append(producer.send(event("a", 1)))
        followed.set()

    producer.send(event("a", 1)).add_done_callback(go_on)
    assert followed.wait(5)
    assert after[0].result(5)


def test_a_client_that_retries_by_itself_is_refused(stream, kinesis_url):
    client = boto3.client(
        "kinesis",
        endpoint_url=kinesis_url,
        config=Config(retries={"max_attempts": 3}),
        **CREDENTIALS,
    )
    with pytest.raises(InvalidSetting, match="retries by itself"):
        Producer(stream, client)


def test_threads_are_few_however_many_keys(start):
    with start(max_requests_in_flight=3) as producer:
        futures = [producer.send(event(f"order-{n}", n)) for n in range(2_000)]
        assert len([t for t in threading.enumerate() if t in producer._threads]) == 3
        producer.flush(20)
        assert all(future.result(0) for future in futures)
        assert not producer._sequencer._lineup.queues
    assert not any(thread.is_alive() for thread in producer._threads)
