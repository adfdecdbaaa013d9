"""All faults in an order drawn by a seed, one into the other, on a stream that is resharded.

`FAULTS_SEED` draws another order.
"""

import os
import random
import uuid
from collections import Counter
from contextlib import ExitStack

import msgspec
import pytest

from contract.metrics import Metric
from local.mapping.undocumented import UpdateDuringBatch
from tests.consuming.resharding import merge, split
from tests.consuming.waiting import until
from tests.faults.consumer import SCALED, consuming, quick
from tests.faults.deaths import kill_at_work
from tests.faults.fault_proxy import Cut
from tests.faults.load import sending
from tests.faults.standby import read_only
from tests.faults.verdict import check

MEMORY_MB = 256
RATE = 250
EVENTS_BETWEEN = 100
AGAIN = quick(update_during_batch=UpdateDuringBatch.STARTS_AGAIN)


class World:
    """Everything there is to break, and a method for each way to break it."""

    def __init__(self, stack, endpoint, database, proxy, folder):
        self.name = f"faults-{uuid.uuid4().hex}"
        arn = endpoint.create_stream(self.name, 2)
        self.client = endpoint.client()
        self.server, self.proxy, self.stack = database.server, proxy, stack
        self.ailments = folder / "ailments"
        self.ailments.mkdir()
        given = {"PROJECTION": "tests.faults.ailing:Ailing", "AILMENTS": str(self.ailments)}
        url = database.consumers_url(proxy.port)
        self.start = lambda: stack.enter_context(
            consuming(endpoint, arn, url, folder, memory_mb=MEMORY_MB, undocumented=AGAIN, **given)
        )
        self.consumers = [self.start()]
        self.load = stack.enter_context(sending(endpoint, arn, seed=81, rate=RATE))

    @property
    def consumer(self):
        return self.consumers[0]

    @property
    def deaths(self):
        return sum(consumer.deaths for consumer in self.consumers)

    def kill_server(self):
        self.server.kill()
        self.consumer.wait_for_trouble()
        self.server.start()

    def stop_server(self):
        self.server.stop()
        self.consumer.wait_for_trouble()
        self.server.start()

    def refuse_to_write(self):
        with read_only(self.server):
            self.consumer.wait_for_trouble()

    def cut(self):
        until(self.proxy.cut, seconds=10)

    def cut_commits(self):
        self.proxy.cut_next_commits(*[Cut.BEFORE_COMMIT, Cut.BEFORE_ANSWER] * 2)

    def slow_down(self):
        self.proxy.delay_seconds = 0.005

    def go_silent(self):
        with self.proxy.silence():
            self.consumer.wait_for_trouble()

    def kill_process(self):
        kill_at_work(self.consumer)

    def loop(self):
        before = self.deaths
        (self.ailments / "loop").touch()
        until(lambda: self.deaths > before, seconds=30)

    def swell(self):
        (self.ailments / "swell").touch()

    def split(self):
        split(self.client, self.name, 0)

    def merge(self):
        merge(self.client, self.name, 0)

    def update(self):
        changed = msgspec.structs.replace(SCALED, parallelization_factor=3, batch_size=70)
        self.consumer.mapping.update(changed)

    def double(self):
        self.consumers.append(self.start())


FAULTS = [
    *(World.kill_server, World.stop_server, World.refuse_to_write, World.go_silent),
    *(World.cut, World.cut_commits, World.slow_down, World.kill_process, World.loop, World.swell),
    *(World.split, World.merge, World.update, World.double),
]


@pytest.mark.parametrize("seed", [int(os.environ.get("FAULTS_SEED", "1"))])
def test_everything_at_once(resharding_endpoint, database, proxy, tmp_path, seed):
    faults = random.Random(seed).sample(FAULTS, len(FAULTS))
    with ExitStack() as stack:
        world = World(stack, resharding_endpoint, database, proxy, tmp_path)
        for fault in faults:
            world.load.wait_for(EVENTS_BETWEEN)
            fault(world)
        world.consumer.wait_for(Metric.EVENTS_APPLIED, 100)
        world.load.stop()
        for consumer in world.consumers:
            consumer.drain()
        seen = [consumer.mapping.stats for consumer in world.consumers]
    assert not list(world.ailments.iterdir()), "nobody fell ill"
    assert world.deaths >= 3, "one killed, one in a loop, one swollen"
    assert [stats.shards_drained for stats in seen] == [3, 3]
    assert proxy.cuts >= Counter({None: 1, Cut.BEFORE_COMMIT: 2, Cut.BEFORE_ANSWER: 2})
    assert proxy.silenced
    assert proxy.delayed
    assert sum(consumer[Metric.KILLERS_PARKED] for consumer in world.consumers) == 0
    check(world.load, database.url)
