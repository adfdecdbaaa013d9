"""P3 in `bucket` mode: many orders share a partition key, and each keeps its order.

The real producer, a stream that is resharded under load, the mapping with parallel slots, and the
consumer's reading of the records.
"""

import json
import threading
from collections import Counter
from concurrent.futures import wait

import pytest

from consumer.arrivals import read_batch
from contract import BucketKeys, encode_event
from local.environments.environment import Ending, InvocationResult
from local.environments.pool import EnvironmentPool
from local.mapping.undocumented import SlotChoice, Undocumented
from producer import Producer, ProducerSettings
from tests.consuming.events import make_event
from tests.consuming.resharding import merge, split
from tests.integration.mapping.orders import assert_in_order

BUCKETS = {f"bucket-{n:03x}" for n in range(0, 4096, 400)}
"""Spread over the hash space, so that splits part them."""


def bucket_of(order_id: str) -> str:
    return BucketKeys().stream_key(order_id).partition_key


ORDERS = [name for name in (f"order-{n}" for n in range(40_000)) if bucket_of(name) in BUCKETS][:90]


class Reader:
    """An environment that notes which order's events it was given, and who else has the order."""

    pids: tuple[int, ...] = ()

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.delivered: list[tuple[str, int]] = []
        self.running: Counter[str] = Counter()
        self.twice: set[str] = set()
        self.buckets: set[str] = set()

    def invoke(self, event: bytes) -> InvocationResult:
        records = json.loads(event)["Records"]
        arrivals = [a for record in read_batch({"Records": records}) for a in record.arrivals]
        orders = {arrival.order_id for arrival in arrivals}
        with self.lock:
            self.running.update(orders)
            self.twice |= {order for order in orders if self.running[order] > 1}
            for arrival in arrivals:
                self.delivered.append((arrival.order_id, arrival.event.version - 1))
            self.buckets |= {item["kinesis"]["partitionKey"] for item in records}
        threading.Event().wait(0.002)
        with self.lock:
            self.running.subtract(orders)
        return InvocationResult(ending=Ending.ANSWERED, answer={"batchItemFailures": []})

    def stop(self) -> None:
        """Nothing was started."""


@pytest.mark.parametrize("choice", SlotChoice)
def test_orders_of_a_bucket_keep_their_order_through_slots_and_resharding(
    resharding_endpoint, stream_of, run, choice
):
    client, name, stream = stream_of(shards=1, of=resharding_endpoint)
    reader = Reader()
    pool = EnvironmentPool(lambda: reader, concurrency=8)
    runner = run(
        stream,
        pool,
        undocumented=Undocumented(slot_choice=choice),
        batch_size=20,
        parallelization_factor=3,
    )
    settings = ProducerSettings(record_linger=0.02)
    sent: Counter[str] = Counter()
    reshards = {40: lambda: split(client, name, 0), 80: lambda: merge(client, name, 0)}
    with Producer(name, client, strategy=BucketKeys(), settings=settings) as producer:
        futures = []
        for turn in range(120):
            for order in ORDERS[turn % 3 :: 3]:
                sent[order] += 1
                futures.append(producer.send(encode_event(make_event(sent[order], order_id=order))))
            reshards.get(turn, lambda: None)()
        producer.flush(60)
        assert not wait(futures, 0).not_done
        assert all(future.exception() is None for future in futures)
    runner.wait_drained(60)
    assert_in_order(reader.delivered, sent)
    assert not reader.twice, "one order in two batches at once"
    assert runner.stats.shards == 4
    assert reader.buckets == BUCKETS
    pool.stop()
