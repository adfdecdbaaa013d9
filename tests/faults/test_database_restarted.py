"""P6: the database is killed, stopped and started again under load."""

import pytest

from contract.metrics import Metric
from tests.faults.consumer import consuming
from tests.faults.load import sending
from tests.faults.verdict import check


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_twice_in_a_row(endpoint, arn, server, databases, tmp_path, how):
    url = databases.consumers_url(server.port)
    with (
        consuming(endpoint, arn, url, tmp_path) as consumer,
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
    check(load, server.url)
