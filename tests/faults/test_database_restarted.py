"""P6: the database is killed, stopped and started again under load, or will not write."""

import os
import time

import pytest

from contract.metrics import Metric
from tests.consuming.waiting import until
from tests.faults.consumer import consuming
from tests.faults.load import sending
from tests.faults.standby import read_only
from tests.faults.verdict import check


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_twice_in_a_row(endpoint, arn, database, tmp_path, how):
    server = database.server
    with (
        consuming(endpoint, arn, database.consumers_url(), tmp_path) as consumer,
        sending(endpoint, arn, seed=11) as load,
    ):
        pids = []
        for _ in range(2):
            consumer.wait_for(Metric.EVENTS_APPLIED, 300)
            pids.append(server.pid)
            getattr(server, how)()
            consumer.wait_for(Metric.BATCHES_INTERRUPTED, 4)
            assert load.is_live
            server.start()
        consumer.wait_for(Metric.EVENTS_APPLIED, 300)
        load.stop()
        consumer.drain()
    assert len({*pids, server.pid}) == 3
    assert consumer[Metric.KILLERS_PARKED] == 0
    check(load, database.url)


def test_away_for_as_long_as_you_say(endpoint, arn, database, tmp_path):
    """In real time: OUTAGE_SECONDS=600 for ten minutes, whose backlog drains in order."""
    seconds = float(os.environ.get("OUTAGE_SECONDS") or 3)
    with (
        consuming(endpoint, arn, database.consumers_url(), tmp_path) as consumer,
        sending(endpoint, arn, seed=13, rate=100) as load,
    ):
        consumer.wait_for(Metric.EVENTS_APPLIED, 100)
        database.server.kill()
        over = time.monotonic() + seconds
        until(lambda: time.monotonic() >= over, seconds=seconds + 5, every=0.2)
        consumer.wait_for(Metric.BATCHES_INTERRUPTED, 1)
        assert load.is_live
        database.server.start()
        consumer.wait_for(Metric.EVENTS_APPLIED, 200)
        load.stop()
        consumer.drain(40 + seconds / 2)
    assert consumer[Metric.KILLERS_PARKED] == 0
    check(load, database.url, least=300)


def test_read_only_for_a_while(endpoint, arn, database, tmp_path):
    """A writer that was demoted keeps its connections and refuses to write on them: 25006."""
    with (
        consuming(endpoint, arn, database.consumers_url(), tmp_path) as consumer,
        sending(endpoint, arn, seed=12) as load,
    ):
        consumer.wait_for(Metric.EVENTS_APPLIED, 300)
        with read_only(database.server):
            consumer.wait_for(Metric.BATCHES_INTERRUPTED, 6)
        consumer.wait_for(Metric.EVENTS_APPLIED, 300)
        load.stop()
        consumer.drain()
    assert any("25006" in problem for problem in consumer.problems)
    check(load, database.url)
