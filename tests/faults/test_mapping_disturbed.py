"""P2 and P3 while the event source mapping is changed, doubled and made anew (traps 5, 22, 23)."""

import msgspec
import psycopg

from contract.metrics import Metric
from local.mapping.undocumented import UpdateDuringBatch
from tests.consuming.tables import read_tables
from tests.consuming.waiting import until
from tests.faults.consumer import SCALED, consuming, quick
from tests.faults.load import sending
from tests.faults.verdict import check


def test_disabled_enabled_and_updated(endpoint, arn, database, tmp_path):
    """Also when an update makes it read again what is being worked on just then."""
    again = quick(update_during_batch=UpdateDuringBatch.STARTS_AGAIN)
    url = database.consumers_url()
    with (
        consuming(endpoint, arn, url, tmp_path, undocumented=again) as consumer,
        sending(endpoint, arn, seed=51) as load,
    ):
        for factor, batch_size in ((1, 50), (4, 200), (3, 10), (2, 100)):
            changed = msgspec.structs.replace(
                SCALED, parallelization_factor=factor, batch_size=batch_size
            )
            consumer.wait_for(Metric.EVENTS_APPLIED, 100)
            consumer.mapping.update(msgspec.structs.replace(SCALED, enabled=False))
            until(lambda: not consumer.mapping.stats.in_flight, seconds=10)
            invocations = consumer.mapping.stats.invocations
            load.wait_for(100)
            assert consumer.mapping.stats.invocations == invocations
            consumer.mapping.update(changed)
            for _ in range(3):
                consumer.wait_for(Metric.EVENTS_APPLIED, 50)
                until(lambda: consumer.mapping.stats.in_flight, seconds=10, every=0.001)
                consumer.mapping.update(changed)
        load.stop()
        consumer.drain()
    assert consumer[Metric.DUPLICATES_SKIPPED] > load.journal.resent, "nothing was read again"
    check(load, database.url)


def test_a_second_consumer_beside_the_first(endpoint, arn, database, tmp_path):
    """It starts at TRIM_HORIZON and catches up with the first; both go on with the same events."""
    url = database.consumers_url()
    with (
        consuming(endpoint, arn, url, tmp_path) as first,
        sending(endpoint, arn, seed=52) as load,
    ):
        first.wait_for(Metric.EVENTS_APPLIED, 600)
        with consuming(endpoint, arn, url, tmp_path) as second:
            second.wait_for(Metric.DUPLICATES_SKIPPED, 800)
            load.wait_for(300)
            load.stop()
            first.drain()
            second.drain()
            events = len(load.sent)
            done = [
                c[Metric.EVENTS_APPLIED] + c[Metric.DUPLICATES_SKIPPED] for c in (first, second)
            ]
        assert second.mapping.stats.records_read == first.mapping.stats.records_read
    assert sum(done) > 1.8 * events, "the second did not get what the first got"
    check(load, database.url)


def test_made_anew_it_replays_the_retention(endpoint, arn, database, tmp_path):
    url = database.consumers_url()
    with (
        consuming(endpoint, arn, url, tmp_path) as first,
        sending(endpoint, arn, seed=53) as load,
    ):
        load.wait_for(1_000)
        load.stop()
        first.drain()
    with psycopg.connect(database.url) as connection:
        before = read_tables(connection)
    with consuming(endpoint, arn, url, tmp_path) as second:
        second.drain()
    assert second[Metric.DUPLICATES_SKIPPED] == len(load.sent)
    assert second[Metric.EVENTS_APPLIED] == 0
    with psycopg.connect(database.url) as connection:
        assert read_tables(connection) == before
    check(load, database.url)
