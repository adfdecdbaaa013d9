"""Trap 7 on the real server: every way in which a database can be unwell, and nothing is parked."""

import os
import threading
from contextlib import closing

import psycopg
import pytest

from local.postgres import Postgres
from tests.consuming.batches import batch_of
from tests.consuming.events import make_event
from tests.consuming.invoking import FINISHED, environment, unfinished_from
from tests.consuming.tables import Tables, read_tables

SENT = [make_event(v, order_id=o) for v in (1, 2) for o in "ABC"]
EMPTY = Tables({}, {}, {}, {})


@pytest.fixture
def role(sql: psycopg.Connection, postgres: Postgres, database_url: str):
    """A role of the test's own, whose settings it may change; gives its URL."""
    name = "worker"
    sql.execute(f"create role {name} superuser login password 'of the test'")
    yield (
        name,
        database_url.replace(
            postgres.url.partition("@")[0], f"postgresql://{name}:of%20the%20test"
        ),
    )
    sql.execute(f"drop role {name}")


@pytest.fixture
def holding(database_url, journal):
    """Another transaction that holds the head of order B, until it is told to let go."""
    journal.execute("insert into inorder.head (order_id) values ('B')")
    with closing(psycopg.connect(database_url)) as other:
        other.execute("select from inorder.head where order_id = 'B' for update")
        yield other


@pytest.mark.parametrize(
    "setting", ["lock_timeout = '50ms'", "statement_timeout = '100ms'"], ids=["55P03", "57014"]
)
def test_trap_7_waiting_too_long_for_a_lock(role, journal, holding, setting):
    name, url = role
    journal.execute(f"alter role {name} set {setting}")
    with environment(url) as invoke:
        assert invoke(batch_of(SENT, start=7)) == unfinished_from(7)
        assert read_tables(journal).ledger == {}
        assert read_tables(journal).lot == {}
        holding.rollback()
        assert invoke(batch_of(SENT, start=7)) == FINISHED
    assert set(read_tables(journal).ledger) == set("ABC")


@pytest.mark.parametrize("where", ["load", "save"])
def test_trap_7_what_the_server_says_while_the_projection_works(database_url, journal, where):
    for state in (
        *("25006", "25P03", "57014", "57P01", "57P03", "53200", "53300", "55P03", "58030"),
        *("08006", "40001", "40P01", "28000", "28P01", "3D000", "42P01", "42501", "0A000"),
        "XX000",
    ):
        given = {"RAISED": f"{where} {state}", "PROJECTION": "tests.consuming.pondering:Raising"}
        with environment(database_url, **given) as invoke:
            assert invoke(batch_of(SENT, start=7)) == unfinished_from(7), state
        tables = read_tables(journal)
        assert (tables.ledger, tables.lot) == ({}, {}), state


@pytest.mark.skipif(
    os.environ.get("PIPELINE") == "1", reason="a pipeline is not idle: docs/decisions/0024"
)
def test_trap_7_idle_in_a_transaction_too_long(role, journal):
    """25P03: the projection thinks longer than the role may idle."""
    name, url = role
    journal.execute(f"alter role {name} set idle_in_transaction_session_timeout = '100ms'")
    with environment(url, PROJECTION="tests.consuming.pondering:Pondering") as invoke:
        assert invoke(batch_of(SENT, start=7)) == unfinished_from(7)
    tables = read_tables(journal)
    assert (tables.ledger, tables.lot) == ({}, {})


def test_trap_7_terminated_by_an_administrator(database_url, journal):
    with environment(database_url, PROJECTION="tests.consuming.pondering:Terminating") as invoke:
        assert invoke(batch_of(SENT, start=7)) == unfinished_from(7)
    tables = read_tables(journal)
    assert (tables.ledger, tables.lot) == ({}, {})


def test_trap_7_no_connection_left(role, journal):
    name, url = role
    journal.execute(f"alter role {name} nosuperuser connection limit 0")
    with environment(url) as invoke:
        assert invoke(batch_of(SENT, start=7)) == unfinished_from(7)
    assert read_tables(journal) == EMPTY


def test_trap_7_a_password_that_is_wrong_now(role, journal):
    name, url = role
    journal.execute(f"alter role {name} password 'another'")
    with environment(url) as invoke:
        assert invoke(batch_of(SENT, start=7)) == unfinished_from(7)
        assert read_tables(journal) == EMPTY
        journal.execute(f"alter role {name} password 'of the test'")
        assert invoke(batch_of(SENT, start=7)) == FINISHED


def test_trap_7_no_privilege(role, journal):
    name, url = role
    journal.execute(f"alter role {name} nosuperuser")
    with environment(url) as invoke:
        assert invoke(batch_of(SENT, start=7)) == unfinished_from(7)
    assert read_tables(journal) == EMPTY


def test_nobody_listens(unused_port, journal):
    url = f"postgresql://postgres@127.0.0.1:{unused_port}/postgres"
    with environment(url) as invoke:
        assert invoke(batch_of(SENT, start=7)) == unfinished_from(7)
    assert read_tables(journal) == EMPTY


def test_trap_15_a_batch_behind_a_killed_environments_transaction(database_url, journal, holding):
    """It waits for the lock, and goes on when the server has ended the dead one's transaction."""
    answers = []
    with environment(database_url) as invoke:
        waiting = threading.Thread(target=lambda: answers.append(invoke(batch_of(SENT))))
        waiting.start()
        _until_somebody_waits(journal)
        journal.execute("select pg_terminate_backend(%s)", [holding.info.backend_pid])
        waiting.join(timeout=30)
    assert answers == [FINISHED]
    assert set(read_tables(journal).ledger) == set("ABC")


def _until_somebody_waits(connection: psycopg.Connection) -> None:
    for _ in range(2_000):
        found = connection.execute(
            "select pg_sleep(0.01), count(*) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        ).fetchone()
        if found and found[1]:
            return
    pytest.fail("nobody waits for the lock")
