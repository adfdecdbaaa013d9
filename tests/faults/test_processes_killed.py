"""P1, P2 and P5: processes of the consumer die in the middle of a batch, of no event's doing.

Nobody is parked for it: the events that were under way are ordinary, and the next process gets
through them.
"""

import pytest

from contract.metrics import Metric
from tests.consuming.waiting import until
from tests.faults.consumer import consuming
from tests.faults.deaths import kill_at_work
from tests.faults.load import sending
from tests.faults.verdict import check

KILLS = 4
MEMORY_MB = 256


def test_sigkill(endpoint, arn, database, tmp_path):
    with (
        consuming(endpoint, arn, database.consumers_url(), tmp_path) as consumer,
        sending(endpoint, arn, seed=41) as load,
    ):
        for _ in range(KILLS):
            consumer.wait_for(Metric.EVENTS_APPLIED, 100)
            kill_at_work(consumer)
            assert load.is_live
        load.stop()
        consumer.drain()
        assert consumer.crashed >= KILLS
    assert consumer[Metric.KILLERS_PARKED] == 0
    assert consumer[Metric.BATCHES_SUSPECTED] > 0
    check(load, database.url)


@pytest.mark.parametrize("ailment", ["loop", "swell"])
def test_ill(endpoint, arn, database, tmp_path, ailment):
    """An endless loop, and more memory than the function has."""
    ailments = tmp_path / "ailments"
    ailments.mkdir()
    given = {"PROJECTION": "tests.faults.ailing:Ailing", "AILMENTS": str(ailments)}
    url = database.consumers_url()
    with (
        consuming(endpoint, arn, url, tmp_path, seconds=2.5, memory_mb=MEMORY_MB, **given) as ill,
        sending(endpoint, arn, seed=42, rate=500) as load,
    ):
        for number in range(2):
            ill.wait_for(Metric.EVENTS_APPLIED, 200)
            deaths = ill.deaths
            (ailments / f"{ailment}.{number}").touch()
            until(lambda deaths=deaths: ill.deaths > deaths, seconds=20)
        ill.wait_for(Metric.EVENTS_APPLIED, 200)
        load.stop()
        ill.drain()
        ended = ill.crashed if ailment == "swell" else ill.mapping.stats.timed_out
        assert ended >= 1, "the first ill process is an invocation's own"
        assert ill.deaths >= 2
    assert not list(ailments.iterdir())
    assert ill[Metric.KILLERS_PARKED] == 0
    check(load, database.url)
