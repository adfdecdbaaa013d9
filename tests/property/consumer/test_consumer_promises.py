"""P1 to P4 under every kind of trouble, in memory and on PostgreSQL, against a reference."""

from unittest.mock import patch

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer import straight
from consumer.arrivals import read_batch
from consumer.attempts import Attempts
from consumer.batch import apply_batch
from consumer.database import Database
from consumer.settings import Settings
from tests.consuming.batches import batch
from tests.consuming.journal import SCHEMA, Journal, JournalInMemory
from tests.consuming.memory import MemoryDatabase
from tests.consuming.tables import Tables, read_tables
from tests.property.consumer import promises
from tests.property.consumer.reference import ReferenceOrder
from tests.property.consumer.worlds import Sent, deliveries, streams

CUTS = st.sampled_from([1, 2, 5, 100])


def deliver(database, projection, records: list[Sent], *, chunk_events: int, drain: int):
    """One invocation; returns what became of the batch."""
    event = batch(*((sent.order_id, sent.raw) for sent in records))
    for item, sent in zip(event["Records"], records, strict=True):
        item["kinesis"]["sequenceNumber"] = str(sent.position)
    attempts = Attempts(database, projection, lambda: 900.0, 1.0)
    return apply_batch(read_batch(event), attempts, chunk_events=chunk_events, drain=drain)


def check(tables: Tables, before: Tables, delivered: list[Sent]) -> None:
    promises.none_is_lost(tables, delivered)
    promises.each_is_applied_once(tables)
    promises.orders_are_in_order(tables)
    promises.nothing_passes_a_blocker(before, tables)
    promises.the_lot_is_ranked(tables)
    promises.the_state_follows_from_the_lot(tables)
    promises.the_projection_is_the_fold(tables)


def compare(tables: Tables, reference: dict[str, ReferenceOrder]) -> None:
    """Every order exactly as the reference has it."""
    for order_id, expected in reference.items():
        assert tables.heads[order_id] == (
            expected.versioned,
            len(expected.applied),
            expected.state,
        ), order_id
        assert [row.id for row in tables.ledger.get(order_id, [])] == [
            sent.event.id for sent in expected.applied
        ]
        assert [(e.rank, e.kind, e.reason, e.payload) for e in tables.lot.get(order_id, [])] == [
            (rank, kind, reason, sent.raw) for rank, kind, reason, sent in expected.waiting
        ]


@patch.multiple(straight, WORTH_DIVIDING=2, PARTS=1_000)
def run(database, projection, read, stream_batches, *, chunk_events: int, drain: int, exact: bool):
    reference: dict[str, ReferenceOrder] = {}
    delivered: list[Sent] = []
    before = read()
    for records in stream_batches:
        applied = deliver(database, projection, records, chunk_events=chunk_events, drain=drain)
        assert (applied.checkpoint, applied.problem) == (None, None)
        delivered += records
        tables = read()
        check(tables, before, delivered)
        before = tables
        for sent in records:
            reference.setdefault(sent.order_id, ReferenceOrder()).show(sent)
        if exact:
            compare(tables, reference)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_in_memory_as_the_reference_has_it(data):
    database = MemoryDatabase()
    batches = data.draw(deliveries(data.draw(streams())))
    chunk_events = data.draw(CUTS)
    run(
        database,
        JournalInMemory(),
        lambda: copied(database.tables()),
        batches,
        chunk_events=chunk_events,
        drain=1_000,
        exact=True,
    )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_in_memory_whatever_the_bound_of_a_drain(data):
    database = MemoryDatabase()
    batches = data.draw(deliveries(data.draw(streams())))
    run(
        database,
        JournalInMemory(),
        lambda: copied(database.tables()),
        batches,
        chunk_events=data.draw(CUTS),
        drain=data.draw(st.integers(1, 3)),
        exact=False,
    )


def copied(tables: Tables) -> Tables:
    return tables._replace(journal={o: list(seen) for o, seen in tables.journal.items()})


@pytest.fixture
def journal_url(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SCHEMA)
    return database_url


@settings(
    max_examples=40,
    deadline=None,
    # The tables are emptied at the start of every example.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_on_postgresql_as_the_reference_has_it(journal_url, data):
    batches = data.draw(deliveries(data.draw(streams())))
    database = Database(Settings(database_url=journal_url))
    try:
        with psycopg.connect(journal_url, autocommit=True) as connection:
            connection.execute(
                "truncate inorder.head, inorder.ledger, inorder.parking_lot, journal"
            )
            run(
                database,
                Journal(),
                lambda: read_tables(connection),
                batches,
                chunk_events=data.draw(CUTS),
                drain=1_000,
                exact=True,
            )
    finally:
        database.close()
