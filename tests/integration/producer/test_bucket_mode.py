"""`bucket` mode against a real endpoint: records of many orders, on the bucket's shard, in order.

> P1 no loss: an event the producer acknowledged is on the stream.
> P3 order: for each order, events stand on the stream in the order in which they were sent.
"""

import json
import uuid
from itertools import groupby

import pytest

from contract import BucketKeys
from producer import KeyPaused, NotSent, Producer, ProducerSettings, StreamUnusable, kinesis_client
from tests.integration.producer import faulty_front as faults
from tests.integration.producer.conftest import CREDENTIALS
from tests.integration.producer.orders import event, first_appearances


def orders_of_one_bucket(count: int) -> list[str]:
    """Orders that share a bucket."""
    names = (f"order-{n}" for n in range(100_000))
    bucket = BucketKeys().stream_key("order-0")
    sharing = (name for name in names if BucketKeys().stream_key(name) == bucket)
    return [next(sharing) for _ in range(count)]


@pytest.fixture
def start(front, stream):
    started = []

    def start(**changes) -> Producer:
        quick = {"retry_base": 0.01, "retry_cap": 0.05, "record_linger": 0.02}
        settings = ProducerSettings(**quick | changes)
        client = kinesis_client(settings, endpoint_url=front.url, **CREDENTIALS)
        producer = Producer(stream, client, strategy=BucketKeys(), settings=settings)
        started.append(producer)
        return producer

    yield start
    for producer in started:
        producer.close(timeout=0)


def by_order(found) -> dict[str, list[int]]:
    """The numbers of each order's events as they stand on the stream."""
    events = [
        json.loads(raw) for records in found.values() for _, events in records for raw in events
    ]
    events.sort(key=lambda event: event["order_id"])
    return {
        order: [event["data"]["number"] for event in group]
        for order, group in groupby(events, key=lambda event: event["order_id"])
    }


@pytest.mark.parametrize("fault", [None, faults.partial(0, 3), faults.no_answer_after_storing])
def test_every_order_is_on_its_buckets_shard_in_order(
    start, stream, admin, read_stream, front, fault
):
    orders = [*orders_of_one_bucket(3), *(f"other-{n}" for n in range(40))]
    producer = start(read_timeout=0.3)
    front.script.extend([None, fault])
    futures = [producer.send(event(order, n)) for n in range(30) for order in orders]
    producer.flush(30)
    receipts = [future.result(0) for future in futures]
    found = read_stream(stream)
    assert set(found) == {BucketKeys().stream_key(order).partition_key for order in orders}
    for order, numbers in by_order(found).items():
        assert first_appearances(numbers) == list(range(30)), order
    shards = {
        shard["ShardId"]: {k: int(v) for k, v in shard["HashKeyRange"].items()}
        for shard in admin.list_shards(StreamName=stream)["Shards"]
    }
    for receipt in receipts:
        owns = shards[receipt.shard_id]
        at = int(BucketKeys().stream_key(receipt.order_id).explicit_hash_key)
        assert owns["StartingHashKey"] <= at <= owns["EndingHashKey"]


def test_one_orders_pause_leaves_the_buckets_other_orders_alone(start, stream, read_stream, front):
    """Holding is by partition key, pausing by order."""
    one, two, three = orders_of_one_bucket(3)
    producer = start(delivery_timeout=0.5, record_linger=0)
    front.rule = lambda _: faults.throttled
    failed = producer.send(event(one, 1))
    assert isinstance(failed.exception(5), NotSent)
    front.rule = lambda _: None
    assert producer.send(event(two, 1)).result(5)
    assert isinstance(producer.send(event(one, 2)).exception(5), KeyPaused)
    producer.resume(one)
    again = [producer.send(event(order, n)) for order, n in ((one, 1), (three, 1), (one, 2))]
    assert all(future.result(5) for future in again)
    assert by_order(read_stream(stream)) == {one: [1, 2], two: [1], three: [1]}


def test_an_unresolved_record_holds_its_bucket_and_no_other(start, front, stream, read_stream):
    one, two = orders_of_one_bucket(2)
    producer = start(delivery_timeout=20, record_linger=0)
    key = BucketKeys().stream_key(one).partition_key

    def refuse_the_bucket(call):
        keys = [partition_key for partition_key, _ in call.records]
        return faults.partial(keys.index(key)) if key in keys else None

    front.rule = refuse_the_bucket
    held = [producer.send(event(one, 1)), producer.send(event(two, 1))]
    assert producer.send(event("elsewhere", 1)).result(5)
    assert not any(future.done() for future in held)
    assert key not in read_stream(stream)
    front.rule = lambda _: None
    assert all(future.result(5) for future in held)


@pytest.mark.parametrize(("written_by", "strategy"), [("order", BucketKeys()), ("bucket", None)])
def test_a_stream_that_the_other_mode_wrote_to_is_refused(
    front, stream, admin, written_by, strategy
):
    """An order must not have two partition keys on one stream."""
    client = kinesis_client(ProducerSettings(), endpoint_url=front.url, **CREDENTIALS)
    with Producer(stream, client, strategy=BucketKeys() if written_by == "bucket" else None) as own:
        own.send(event(str(uuid.uuid4()), 1))
    with pytest.raises(StreamUnusable, match=f"tagged inorder-mode={written_by}"):
        Producer(stream, client, strategy=strategy)
    assert admin.list_tags_for_stream(StreamName=stream)["Tags"] == [
        {"Key": "inorder-mode", "Value": written_by}
    ]


def test_a_full_buffer_does_not_wait_for_company(start):
    """Or a slow trickle of room would be all that a busy caller gets."""
    producer = start(record_linger=20, delivery_timeout=60, max_buffered_events=50, block_timeout=5)
    futures = [producer.send(event(f"order-{n}", 1)) for n in range(120)]
    assert futures[0].result(5)
    producer.flush(5)
    assert all(future.result(0) for future in futures)
