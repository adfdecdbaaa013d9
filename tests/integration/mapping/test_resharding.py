"""P3 across resharding: shards are split and merged under load and every key keeps its order."""

import threading

import pytest

from local.mapping.undocumented import Undocumented
from tests.consuming.resharding import merge, split
from tests.integration.mapping.orders import Orders, assert_in_order, read_diary

QUICK = Undocumented(backoff_first=5, backoff_most=50)


class Load(threading.Thread):
    """Puts records until it is told to stop."""

    def __init__(self, orders):
        super().__init__(daemon=True)
        self.orders = orders
        self.enough = threading.Event()
        self.failure = None

    def run(self):
        try:
            while not self.enough.is_set():
                self.orders.put(20)
        except Exception as error:  # noqa: BLE001 - told by stop
            self.failure = error

    def stop(self):
        self.enough.set()
        self.join(20)
        assert self.failure is None


def test_children_name_all_their_parents(resharding_endpoint, stream_of):
    client, name, stream = stream_of(shards=2, of=resharding_endpoint)
    split(client, name, 0)
    merge(client, name, 1)
    assert {shard.shard_id[-1]: {p[-1] for p in shard.parents} for shard in stream.shards()} == {
        "0": set(),
        "1": set(),
        "2": {"0"},
        "3": {"0"},
        "4": {"3", "1"},
    }


@pytest.mark.parametrize("faults", ["", "raise,partly,crash"])
def test_splits_and_merges_under_load_keep_every_keys_order(
    resharding_endpoint, stream_of, pool, run, diary, until, faults
):
    client, name, stream = stream_of(shards=1, of=resharding_endpoint)
    orders = Orders(client, name, keys=60)
    load = Load(orders)
    runner = run(
        stream,
        pool(FAULTS=faults),
        undocumented=QUICK,
        batch_size=25,
        parallelization_factor=2,
        bisect_on_error=True,
    )
    load.start()
    for _ in range(2):
        before = orders.total
        until(lambda before=before: orders.total > before + 100)
        split(client, name, 0)
        until(lambda before=before: orders.total > before + 200)
        split(client, name, -1)
        until(lambda before=before: orders.total > before + 300)
        merge(client, name, 0)
    load.stop()
    runner.wait_drained(60)
    assert_in_order(read_diary(diary), orders.sent)
    assert runner.stats.shards_drained == 8
    assert runner.stats.shards == 11


def test_a_reshard_while_nothing_is_put_is_seen(resharding_endpoint, stream_of, pool, run, diary):
    client, name, stream = stream_of(shards=1, of=resharding_endpoint)
    orders = Orders(client, name)
    orders.put(50)
    runner = run(stream, pool())
    runner.wait_drained(20)
    split(client, name, 0)
    orders.put(50)
    runner.wait_drained(20)
    assert_in_order(read_diary(diary), orders.sent)
    assert len(read_diary(diary)) == 100


def test_a_stream_resharded_before_the_mapping_was_there(
    resharding_endpoint, stream_of, pool, run, diary
):
    client, name, stream = stream_of(shards=2, of=resharding_endpoint)
    orders = Orders(client, name)
    orders.put(200)
    merge(client, name, 0)
    orders.put(200)
    split(client, name, 0)
    orders.put(200)
    runner = run(stream, pool(), batch_size=30, parallelization_factor=3)
    runner.wait_drained(30)
    assert_in_order(read_diary(diary), orders.sent)
    assert len(read_diary(diary)) == 600


def test_a_successor_goes_on_in_the_middle_of_a_lineage(
    resharding_endpoint, stream_of, pool, run, diary
):
    client, name, stream = stream_of(shards=1, of=resharding_endpoint)
    orders = Orders(client, name)
    orders.put(100)
    first = run(stream, pool())
    first.wait_drained(20)
    first.stop()
    orders.put(100)
    split(client, name, 0)
    orders.put(100)
    second = run(stream, pool(), checkpoints=first.checkpoints)
    second.wait_drained(20)
    assert_in_order(read_diary(diary), orders.sent)
    assert len(read_diary(diary)) == 300
