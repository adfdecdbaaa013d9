"""The mapping at work between a real Kinesis endpoint and real child processes.

P1 and P3 at the mapping's own level: everything put is delivered, each key in order, at least once.
"""

import itertools
import json
import os
import signal
import threading

import msgspec
import pytest

from local.environments.environment import Ending, InvocationResult
from local.environments.pool import EnvironmentPool
from local.mapping.facts import Invoke
from local.mapping.position import Latest
from local.mapping.runner import NotDrained, RunnerCrashed
from local.mapping.stream import IteratorExpired, KinesisStream, ReadFailed
from local.mapping.undocumented import BisectHalves, SlotChoice, Undocumented
from tests.integration.mapping.orders import Orders, assert_in_order, read_diary

QUICK = Undocumented(backoff_first=5, backoff_most=50)


@pytest.mark.parametrize("bisect", [True, False])
@pytest.mark.parametrize("slots", SlotChoice)
def test_everything_is_delivered_in_order_whatever_fails(
    stream_of, pool, run, diary, bisect, slots
):
    client, name, stream = stream_of(shards=3)
    orders = Orders(client, name)
    orders.put(1_000)
    undocumented = msgspec.structs.replace(
        QUICK, slot_choice=slots, bisect_halves=BisectHalves.SIDE_BY_SIDE
    )
    runner = run(
        stream,
        pool(FAULTS="raise,partly,crash"),
        undocumented=undocumented,
        batch_size=50,
        parallelization_factor=3,
        bisect_on_error=bisect,
    )
    orders.put(1_000)
    runner.wait_drained(60)
    assert_in_order(read_diary(diary), orders.sent)
    stats = runner.stats
    assert stats.records_read == 2_000
    assert stats.failed > 0
    assert stats.retries > 0
    assert (stats.in_flight, stats.behind_records, stats.discarded_records) == (0, 0, 0)


def test_environments_killed_in_the_middle_of_a_batch_lose_nothing(
    stream_of, pool, run, diary, until
):
    client, name, stream = stream_of()
    orders = Orders(client, name)
    orders.put(1_000)
    environments = pool(PAUSE="0.02")
    runner = run(stream, environments, undocumented=QUICK, batch_size=10, parallelization_factor=2)
    for _ in range(4):
        written = len(read_diary(diary))
        until(lambda written=written: len(read_diary(diary)) > written + 50)
        failed = runner.stats.failed
        for pid in environments.pids:  # each writes half a batch and rests before the other half
            os.kill(pid, signal.SIGKILL)
        until(lambda failed=failed: runner.stats.failed > failed)
    runner.wait_drained(60)
    assert_in_order(read_diary(diary), orders.sent)
    assert len(read_diary(diary)) > 1_000, "what a killed process had done came again"


def test_a_successor_goes_on_where_its_predecessor_stopped(stream_of, pool, run, diary):
    client, name, stream = stream_of()
    orders = Orders(client, name)
    orders.put(500)
    first = run(stream, pool(), batch_size=100)
    first.wait_drained(30)
    first.stop()
    orders.put(500)
    second = run(stream, pool(), batch_size=100, checkpoints=first.checkpoints)
    second.wait_drained(30)
    assert second.stats.records_read == 500
    assert_in_order(read_diary(diary), orders.sent)
    assert len(read_diary(diary)) == 1_000


def test_a_mapping_made_anew_delivers_the_whole_retention_again(stream_of, pool, run, diary):
    """Trap 5: the consumer recognises all of it as duplicates."""
    client, name, stream = stream_of()
    orders = Orders(client, name)
    orders.put(200)
    for expected in (200, 400):
        runner = run(stream, pool())
        runner.wait_drained(30)
        runner.stop()
        assert len(read_diary(diary)) == expected


def test_stopping_with_drain_lets_running_batches_finish(stream_of, pool, run, diary):
    client, name, stream = stream_of()
    orders = Orders(client, name)
    orders.put(2_000)
    started = threading.Event()
    runner = run(
        stream,
        pool(),
        batch_size=20,
        observe=lambda fact: started.set() if isinstance(fact, Invoke) else None,
    )
    assert started.wait(20)
    runner.stop(drain=True)
    delivered = len(read_diary(diary))
    assert runner.stats.in_flight == 0
    successor = run(stream, pool(), batch_size=200, checkpoints=runner.checkpoints)
    successor.wait_drained(30)
    assert successor.stats.records_read + delivered == 2_000, "nothing was delivered twice"
    assert_in_order(read_diary(diary), orders.sent)


def test_latest_means_what_is_put_from_now_on(stream_of, pool, run, diary, until):
    client, name, stream = stream_of(shards=1)
    orders = Orders(client, name)
    orders.put(50)
    runner = run(stream, pool(), starting_position=Latest())
    runner.wait_drained(20)
    client.put_record(StreamName=name, Data=b'{"key": "new", "n": 0}', PartitionKey="new")
    runner.wait_drained(20)
    assert read_diary(diary) == [("new", 0)]


# ------------------------------------------------------------------------ giving up


def test_a_poisonous_record_ends_in_the_folder_alone_and_the_rest_goes_on(
    stream_of, pool, run, diary, given_up
):
    client, name, stream = stream_of(shards=1)
    orders = Orders(client, name, keys=10)
    orders.put(100)
    orders.put(1, keys=["poison"])
    orders.put(100)
    runner = run(
        stream,
        pool(POISON="poison"),
        undocumented=QUICK,
        batch_size=64,
        bisect_on_error=True,
        maximum_retry_attempts=2,
    )
    runner.wait_drained(30)
    (path,) = (path for path in given_up.rglob("*") if path.is_file())
    document = json.loads(path.read_text())
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert document["KinesisBatchInfo"]["batchSize"] == 1
    (record,) = json.loads(document["payload"])["Records"]
    assert record["kinesis"]["partitionKey"] == "poison"
    assert runner.stats.discarded_records == 1
    del orders.sent["poison"]
    assert_in_order(read_diary(diary), orders.sent)


# ------------------------------------------------------------------------ what reading meets


class FlakyStream(KinesisStream):
    """A real stream whose endpoint is away for a while and whose iterators expire early."""

    def __init__(self, client, identity):
        super().__init__(client, identity)
        self.turns = itertools.count()

    def page(self, shard_id, iterator, limit):
        turn = next(self.turns)
        if turn % 5 in {1, 2}:
            raise ReadFailed("the endpoint is away")
        if turn % 5 == 3:
            raise IteratorExpired("expired")
        return super().page(shard_id, iterator, 7)


def test_lost_connections_and_expired_iterators_lose_nothing(stream_of, pool, run, diary):
    client, name, stream = stream_of(kind=FlakyStream)
    orders = Orders(client, name)
    orders.put(300)
    runner = run(stream, pool())
    runner.wait_drained(60)
    assert_in_order(read_diary(diary), orders.sent)
    assert len(read_diary(diary)) == 300
    assert runner.stats.read_failures > 5


def test_an_endpoint_that_comes_later_is_waited_for(stream_of, pool, run, diary, until):
    client, name, stream = stream_of()
    orders = Orders(client, name)
    orders.put(20)
    list_shards, stream.shards = stream.shards, lambda: _raise(ReadFailed("not yet"))
    runner = run(stream, pool())
    until(lambda: runner.stats.read_failures or _tick(runner))
    stream.shards = list_shards
    runner.wait_drained(20)
    assert len(read_diary(diary)) == 20


def _raise(error):
    raise error


def _tick(runner):
    """Something that happens, so that the runner takes stock."""
    runner.update(runner._machine.settings)


# ------------------------------------------------------------------------ concurrency and updates


def test_beyond_reserved_concurrency_batches_are_throttled_and_wait(stream_of, pool, run, diary):
    client, name, stream = stream_of(shards=4)
    orders = Orders(client, name)
    orders.put(800)
    runner = run(
        stream,
        pool(concurrency=1),
        undocumented=QUICK,
        batch_size=10,
        parallelization_factor=4,
        maximum_retry_attempts=0,
    )
    runner.wait_drained(60)
    assert runner.stats.throttled > 0
    assert runner.stats.discarded_records == 0, "a throttle uses no retry"
    assert_in_order(read_diary(diary), orders.sent)


class Gate:
    """An environment that answers when it is told to."""

    pids = ()

    def __init__(self):
        self.entered = threading.Semaphore(0)
        self.leave = threading.Semaphore(0)
        self.sizes = []

    def invoke(self, event):
        self.sizes.append(len(json.loads(event)["Records"]))
        self.entered.release()
        assert self.leave.acquire(timeout=20)
        return InvocationResult(ending=Ending.ANSWERED)

    def stop(self):
        self.leave.release(1_000)


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def gated_pool(gate):
    pool = EnvironmentPool(lambda: gate, concurrency=1)
    yield pool
    pool.stop()


def test_an_update_takes_effect_in_place(stream_of, run, gate, gated_pool):
    client, name, stream = stream_of(shards=1)
    Orders(client, name).put(100)
    runner = run(stream, gated_pool, batch_size=10)
    assert gate.entered.acquire(timeout=20)
    runner.update(msgspec.structs.replace(runner._machine.settings, batch_size=90))
    gate.leave.release(2)
    runner.wait_drained(20)
    assert gate.sizes == [10, 90]


def test_while_disabled_nothing_is_invoked_and_then_it_goes_on(
    stream_of, run, gate, gated_pool, until
):
    client, name, stream = stream_of(shards=1)
    Orders(client, name).put(100)
    runner = run(stream, gated_pool, batch_size=10)
    settings = runner._machine.settings
    assert gate.entered.acquire(timeout=20)
    runner.update(msgspec.structs.replace(settings, enabled=False))
    gate.leave.release()
    until(lambda: runner.stats.in_flight == 0 and runner.stats.answered == 1)
    gate.leave.release(9)
    assert not gate.entered.acquire(timeout=0.3), "invoked while disabled"
    runner.update(settings)
    runner.wait_drained(20)
    assert gate.sizes == [10] * 10


def test_who_waits_in_vain_is_told_how_far_it_came(stream_of, run, gate, gated_pool):
    client, name, stream = stream_of(shards=1)
    Orders(client, name).put(5)
    runner = run(stream, gated_pool)
    assert gate.entered.acquire(timeout=20)
    with pytest.raises(NotDrained, match="behind_records=5"):
        runner.wait_drained(0.2)
    assert runner.stats.lag_ms >= 0


def test_who_waits_for_a_runner_that_crashed_is_told_why(stream_of, pool, run):
    client, name, stream = stream_of(shards=1)
    Orders(client, name).put(5)

    def observe(fact):
        if isinstance(fact, Invoke):
            raise ZeroDivisionError("a bug of the observer")

    runner = run(stream, pool(), observe=observe)
    with pytest.raises(RunnerCrashed, match="a bug of the observer"):
        runner.wait_drained(20)


@pytest.mark.parametrize("broken", ["page", "shards"])
def test_an_answer_that_cannot_be_one_is_told_and_not_waited_for(stream_of, pool, run, broken):
    _, _, stream = stream_of(shards=1)
    setattr(stream, broken, lambda *_: _raise(KeyError("Records")))
    with pytest.raises(RunnerCrashed, match="Records"):
        run(stream, pool()).wait_drained(20)


def test_drained_means_also_what_was_put_just_before_the_call(stream_of, pool, run, diary):
    client, name, stream = stream_of()
    orders = Orders(client, name)
    runner = run(stream, pool())
    for expected in range(10, 110, 10):
        orders.put(10)
        runner.wait_drained(20)
        assert len(read_diary(diary)) == expected
