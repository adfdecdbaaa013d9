"""What a producer holds does not grow with the orders it has seen: counted, not timed."""

import gc
import threading
import tracemalloc

import pytest

from contract import BucketKeys, OrderKeys
from producer import Producer, ProducerSettings, kinesis_client
from producer.keyqueue import KeyQueue
from producer.records import Outgoing
from tests.integration.producer.conftest import CREDENTIALS
from tests.integration.producer.orders import event

ORDERS = 4_000


@pytest.mark.parametrize("strategy", [OrderKeys(), BucketKeys()], ids=["order", "bucket"])
def test_new_orders_cost_no_threads_and_leave_nothing_behind(kinesis_url, stream, strategy):
    settings = ProducerSettings(remembered_keys=100, record_linger=0.01, max_requests_in_flight=3)
    client = kinesis_client(settings, endpoint_url=kinesis_url, **CREDENTIALS)
    before = threading.active_count()
    with Producer(stream, client, strategy=strategy, settings=settings) as producer:
        held = []
        for turn in range(3):
            for n in range(ORDERS):
                producer.send(event(f"order-{turn}-{n}", 1))
            assert threading.active_count() - before == 3
            producer.flush(60)
            stats = producer.stats()
            assert (stats.buffered_events, stats.buffered_bytes) == (0, 0)
            gc.collect()
            held.append(_held_bytes() if turn else _start())
        assert held[2] - held[1] < 100 * ORDERS, "bytes, of orders that are done with"
    tracemalloc.stop()
    assert threading.active_count() == before
    kinds = [type(found) for found in gc.get_objects()]
    assert KeyQueue not in kinds
    assert Outgoing not in kinds


def _start() -> int:
    tracemalloc.start()
    return 0


def _held_bytes() -> int:
    return tracemalloc.get_traced_memory()[0]
