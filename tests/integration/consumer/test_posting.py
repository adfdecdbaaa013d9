"""Statements that are only posted: the server works at them while the client goes on."""

import psycopg
import pytest
from psycopg import errors

from consumer.connection import Timed
from tests.consuming.batches import batch_of
from tests.consuming.events import REFUSED, make_event
from tests.consuming.invoking import FINISHED, environment
from tests.consuming.tables import read_tables

FAILS = "select 1 / %(nothing)s"


def use(context):
    with context:
        pass


def read_a_copy(connection):
    with connection.cursor().copy("copy (select 1) to stdout") as copy:
        assert list(copy) == [b"1\n"]


def read_from_a_named_cursor(connection):
    with connection.cursor("named") as cursor:
        cursor.execute("select 1")


GATES = {
    "execute": lambda c: c.execute("select 1"),
    "executemany": lambda c: c.cursor().executemany("select %s", [(1,), (2,)]),
    "stream": lambda c: list(c.cursor().stream("select 1")),
    "copy": read_a_copy,
    "named cursor": read_from_a_named_cursor,
    "savepoint": lambda c: use(c.transaction()),
    "pipeline": lambda c: use(c.pipeline()),
    "settle": lambda c: c.settle(),
    "commit": lambda c: c.commit(),
}


@pytest.fixture
def connection(database_url):
    with Timed.connect(database_url, autocommit=True, prepare_threshold=None) as made:
        yield made


def test_it_is_not_waited_for(connection, sql):
    sql.execute("create table held (n int)")
    sql.execute("insert into held values (1)")
    with sql.transaction(), connection.transaction():
        sql.execute("lock table held")
        connection.post("update held set n = n + %(by)s", {"by": 1})
        assert connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE
        sql.execute("commit")
        connection.settle()
        sql.execute("begin")
    assert sql.execute("select n from held").fetchone() == (2,)


@pytest.mark.parametrize("gate", GATES)
def test_whoever_talks_to_the_server_next_waits_for_it_and_is_told(connection, gate):
    connection.execute("begin")
    connection.post(FAILS, {"nothing": 0})
    with pytest.raises(errors.DivisionByZero):
        GATES[gate](connection)
    assert isinstance(connection.refused, errors.DivisionByZero)
    connection.execute("rollback")
    with connection.transaction():
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("gate", [gate for gate in GATES if gate != "settle"])
def test_where_it_has_worked_the_next_gets_its_own_answer(connection, gate):
    connection.execute("begin")
    connection.post("select 1 / %(one)s", {"one": 1})
    GATES[gate](connection)
    assert connection.refused is None


@pytest.mark.parametrize(
    "projection", ["journal:Journal", "swallowing:Suppressing", "swallowing:Trying"]
)
@pytest.mark.parametrize("place", [0, -1])
def test_what_the_ledger_refuses_is_no_fault_of_the_projection(
    database_url, journal, pipeline, projection, place
):
    """An id is known that stands in the first part, or in the last: `save` is told that."""
    orders = [f"order-{n:03}" for n in range(300)]
    known = orders[place]
    sent = [make_event(1, order_id=order_id) for order_id in orders]
    again = [make_event(2, order_id=o, name=1 if o == known else 2) for o in orders]
    with environment(database_url, PROJECTION=f"tests.consuming.{projection}") as invoke:
        assert invoke(batch_of(sent)) == FINISHED
        assert invoke(batch_of(again, start=1_000)) == FINISHED
    tables = read_tables(journal)
    assert {o: [e.reason for e in lot] for o, lot in tables.lot.items()} == {known: ["conflict"]}
    assert sum(map(len, tables.ledger.values())) == 599


def test_parts_are_written_with_what_stops_one_of_their_lanes(database_url, journal, pipeline):
    """A refused event in each part: its order is parked behind it, the others go on."""
    sent = [make_event(1 + n % 3, order_id=f"order-{n // 3:02}") for n in range(300)]
    for place in (4, 130, 298):
        sent[place] = make_event(sent[place].version, order_id=sent[place].order_id, type=REFUSED)
    with environment(database_url) as invoke:
        assert invoke(batch_of(sent)) == FINISHED
    tables = read_tables(journal)
    assert {o: [e.kind for e in lot] for o, lot in tables.lot.items() if lot} == {
        sent[4].order_id: ["blocker", "follower"],
        sent[130].order_id: ["blocker", "follower"],
        sent[298].order_id: ["blocker", "follower"],
    }
    assert sum(map(len, tables.ledger.values())) == 294
    assert {o: len(seen) for o, seen in tables.journal.items()} == {
        o: len(rows) for o, rows in tables.ledger.items()
    }
