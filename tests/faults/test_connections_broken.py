"""P1, P2 and P6 through a proxy: connections cut, slow, and dead without saying so."""

from contract.metrics import Metric
from tests.consuming.waiting import until
from tests.faults.consumer import consuming
from tests.faults.fault_proxy import Cut
from tests.faults.load import sending
from tests.faults.verdict import check

ROUNDS, BEFORE, AFTER = 3, 20, 6
"""So many in a row that every try of a batch, and of its parts, is cut."""


def test_cut_before_and_after_the_commit(endpoint, arn, database, proxy, tmp_path):
    url = database.consumers_url(proxy.port)
    with (
        consuming(endpoint, arn, url, tmp_path) as consumer,
        sending(endpoint, arn, seed=21) as load,
    ):
        consumer.wait_for(Metric.EVENTS_APPLIED, 100)
        for _ in range(ROUNDS):
            proxy.cut_next_commits(*[Cut.BEFORE_COMMIT] * BEFORE, *[Cut.BEFORE_ANSWER] * AFTER)
            until(lambda: not proxy.commits_to_cut, seconds=20)
            load.wait_for(100)
            proxy.cut()
            load.wait_for(100)
        load.stop()
        consumer.drain()
    assert proxy.cuts[Cut.BEFORE_COMMIT] == ROUNDS * BEFORE
    assert proxy.cuts[Cut.BEFORE_ANSWER] == ROUNDS * AFTER
    assert proxy.cuts[None] >= ROUNDS
    assert consumer[Metric.DUPLICATES_SKIPPED] >= load.journal.resent + ROUNDS * AFTER
    check(load, database.url)


def test_slow(endpoint, arn, database, proxy, tmp_path):
    """Twenty milliseconds to the database, and a cut now and then."""
    url = database.consumers_url(proxy.port)
    with (
        consuming(endpoint, arn, url, tmp_path) as consumer,
        sending(endpoint, arn, seed=22, rate=400) as load,
    ):
        proxy.delay_seconds = 0.02
        for _ in range(3):
            consumer.wait_for(Metric.EVENTS_APPLIED, 200)
            proxy.cut()
        load.stop()
        consumer.drain()
    assert proxy.delayed > 100
    assert proxy.cuts[None] >= 3
    check(load, database.url)


def test_half_open(endpoint, arn, database, proxy, tmp_path):
    """Nobody is told that the way is gone: the consumer's own clock ends the wait, in order, and
    the server's lets go of the locks that the lost transactions held. Markers that nobody could
    take back may make it careful for a while, no more.
    """
    url = database.consumers_url(proxy.port)
    patient = {"RESERVE_SECONDS": "2"}  # a busy machine may stand still for a second
    with (
        consuming(endpoint, arn, url, tmp_path, seconds=8.0, **patient) as consumer,
        sending(endpoint, arn, seed=23) as load,
    ):
        consumer.wait_for(Metric.EVENTS_APPLIED, 300)
        with proxy.silence():
            applied = consumer[Metric.EVENTS_APPLIED]
            consumer.wait_for(Metric.BATCHES_INTERRUPTED, 2)
            assert consumer[Metric.EVENTS_APPLIED] <= applied + 400
        consumer.wait_for(Metric.EVENTS_APPLIED, 300)
        load.stop()
        consumer.drain()
        # In one run of a dozen Lambda's clock ends a single invocation first; why is not known.
        assert consumer.mapping.stats.failed <= 1
    assert proxy.silenced >= 4
    assert consumer[Metric.KILLERS_PARKED] == 0
    check(load, database.url)
