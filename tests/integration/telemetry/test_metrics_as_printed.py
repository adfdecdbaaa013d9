"""The metrics as the functions really print them: what alarms and dashboard can go by."""

from contract.metrics import NAMESPACE, Metric, dimensions
from tests.consuming.batches import batch_of
from tests.consuming.events import make_event
from tests.observing.everything import JOURNAL, STACK
from tests.observing.printed import series

RARE = {Metric.EVENTS_UNKNOWN}
"""Printed only where a put has timed out; the producer's own tests see it."""


def test_every_metric_is_printed_with_its_stack_and_service(metric_lines):
    found = [pair for line in metric_lines for pair in series(line)]
    assert {one.namespace for one, _ in found} == {NAMESPACE}
    assert {one.name for one, _ in found} == {str(name) for name in Metric} - RARE
    assert {(one.name, unit) for one, unit in found} == {
        (one.name, Metric(one.name).unit) for one, _ in found
    }
    for one, _ in found:
        given = dict(one.dimensions)
        assert given.keys() == {"service", "stack"}, one
        assert given["stack"] == STACK


def test_without_a_stack_there_is_no_such_dimension():
    assert dimensions({}) == {}
    assert dimensions({"STACK_NAME": "shop"}) == {"stack": "shop"}


def test_a_batch_says_how_long_it_took_and_which_it_was(printing, journal, database_url):
    consume = printing.start(
        "consumer", "consumer.handler.handler", DATABASE_URL=database_url, PROJECTION=JOURNAL
    )
    events = [make_event(v, order_id=f"o-{o}") for v in (1, 2) for o in range(100)]
    consume(batch_of(events, start=7))
    consume(batch_of(events, start=7))
    first, again = [line for line in printing.lines() if "_aws" in line]
    assert (first["ColdStarts"], again["ColdStarts"]) == ([1.0], [0.0])
    assert (first["first"], first["last"], first["records"]) == ("7", "206", 200)
    assert first["shard"].startswith("shardId-")
    assert first["request_id"]
    (took,) = first["BatchMilliseconds"]
    assert first["RowMicroseconds"] == [took * 1_000 / 200]
    assert again["RowMicroseconds"] == [again["BatchMilliseconds"][0] * 1_000 / 200]
    for name in ("StreamToCommitMilliseconds", "EventToCommitMilliseconds"):
        assert len(first[name]) == 10
        assert all(value > 1 for value in first[name])


def test_a_transient_failure_counts_where_a_second_try_helped(printing, journal, database_url):
    consume = printing.start(
        "consumer", "consumer.handler.handler", DATABASE_URL=database_url, PROJECTION=JOURNAL
    )
    consume(batch_of([make_event(1)]))
    journal.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    consume(batch_of([make_event(2)], start=2))
    _, line = [line for line in printing.lines() if "_aws" in line]
    assert line["TransientFailures"] == [1.0]
    assert line["BatchesInterrupted"] == [0.0]
    assert line["EventsApplied"] == [1.0]
