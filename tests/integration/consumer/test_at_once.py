"""Invocations of the same orders at once: zombies, twins, and streams that come again."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from consumer.arrivals import read_batch
from consumer.attempts import Attempts
from consumer.batch import Applied, apply_batch
from consumer.database import Database
from consumer.settings import Settings
from tests.consuming.batches import batch_of
from tests.consuming.events import id_of, make_event
from tests.consuming.setwise import Setwise
from tests.consuming.tables import read_tables

WORKERS = 6
ORDERS = [f"order-{n}" for n in range(15)]
VERSIONS = range(1, 41)


def deliver(database: Database, events, start: int, drain: int = 100) -> Applied:
    attempts = Attempts(database, Setwise(), lambda: 60.0, 1.0)
    records = read_batch(batch_of(events, start=start))
    return apply_batch(records, attempts, chunk_events=1_000, drain=drain)


def at_once(database_url: str, work: Callable[[int, Database], list[Applied]]) -> list[Applied]:
    """What so many workers got, each with a connection of its own, started together."""
    ready = threading.Barrier(WORKERS)

    def run(worker: int) -> list[Applied]:
        database = Database(Settings(database_url=database_url))
        database.open()
        try:
            ready.wait(timeout=30)
            return work(worker, database)
        finally:
            database.close()

    with ThreadPoolExecutor(WORKERS) as threads:
        return [applied for got in threads.map(run, range(WORKERS)) for applied in got]


def assert_all_is_applied_once_and_in_order(journal: psycopg.Connection) -> None:
    tables = read_tables(journal)
    assert tables.lot == {}
    assert tables.heads == dict.fromkeys(ORDERS, (True, VERSIONS[-1], "open"))
    expected = {o: [str(id_of((o, v))) for v in VERSIONS] for o in ORDERS}
    assert tables.journal == expected
    assert {o: [str(row.id) for row in rows] for o, rows in tables.ledger.items()} == expected
    (deadlocks,) = journal.execute(
        "select deadlocks from pg_stat_database where datname = current_database()"
    ).fetchone()
    assert deadlocks == 0


@pytest.mark.parametrize("heads", ["missing", "there"])
def test_trap_10_the_same_stream_in_many_cuts_at_once(database_url, journal, heads):
    """Every worker delivers all of it, cut into other batches, their orders shuffled."""
    if heads == "there":
        journal.execute("insert into inorder.head (order_id) select unnest(%s::text[])", [ORDERS])

    def work(worker: int, database: Database) -> list[Applied]:
        dice = random.Random(worker)
        applied, version = [], VERSIONS[0]
        while version <= VERSIONS[-1]:
            cut = range(version, min(version + dice.randint(1, 4), VERSIONS[-1] + 1))
            orders = dice.sample(ORDERS, len(ORDERS))
            events = [make_event(v, order_id=o) for o in orders for v in cut]
            applied.append(deliver(database, events, start=version * 1_000))
            version = cut[-1] + 1
        return applied

    applied = at_once(database_url, work)
    assert [done.problem for done in applied if done.problem] == []
    committed = [one for done in applied for one in done.committed]
    assert sum(one.applied for one in committed) == len(ORDERS) * len(VERSIONS)
    assert sum(one.duplicates for one in committed) == ((WORKERS - 1) * len(ORDERS) * len(VERSIONS))
    assert_all_is_applied_once_and_in_order(journal)


def test_gaps_closed_by_one_while_others_widen_them(database_url, journal):
    """Every worker delivers every sixth version: each waits for the others', in the lot."""

    def work(worker: int, database: Database) -> list[Applied]:
        dice = random.Random(worker)
        applied = []
        for version in VERSIONS[worker::WORKERS]:
            events = [make_event(version, order_id=o) for o in dice.sample(ORDERS, len(ORDERS))]
            applied.append(deliver(database, events, start=version * 1_000, drain=3))
        return applied

    applied = at_once(database_url, work)
    assert [done.problem for done in applied if done.problem] == []
    assert_all_is_applied_once_and_in_order(journal)
