"""What a pipeline has to do as well as statement by statement."""

import logging

import psycopg
import pytest

from consumer.database import Database, _check_commit
from consumer.settings import BadSetting, Settings, read
from tests.consuming.batches import batch_of
from tests.consuming.events import make_event
from tests.consuming.invoking import FINISHED, environment, unfinished_from
from tests.consuming.tables import read_tables

SENT = [make_event(1), make_event(2), make_event(1, order_id="B")]


def test_an_error_that_is_swallowed_commits_nothing(database_url, journal, pipeline):
    with environment(database_url, PROJECTION="tests.consuming.swallowing:Swallowing") as invoke:
        assert invoke(batch_of(SENT, start=7)) == unfinished_from(7)
    tables = read_tables(journal)
    assert (tables.ledger, tables.lot, tables.journal) == ({}, {}, {})


def test_a_projection_may_use_savepoints(database_url, journal, pipeline):
    with environment(database_url, PROJECTION="tests.consuming.swallowing:Trying") as invoke:
        assert invoke(batch_of(SENT)) == FINISHED
    assert {o: len(seen) for o, seen in read_tables(journal).journal.items()} == {"A": 2, "B": 1}


@pytest.fixture
def database(database_url, journal):
    database = Database(Settings(database_url=database_url), pipelines=True)
    database.open()
    yield database
    database.close()


def divide(users) -> None:
    users.execute("select * from nothing")
    raise ZeroDivisionError


def ask_for_nothing(users) -> None:
    users.execute("select * from nothing").fetchall()


def send_what_fails(users) -> None:
    users.execute("select * from nothing")


@pytest.mark.parametrize(
    ("work", "error"),
    [
        (divide, ZeroDivisionError),
        (ask_for_nothing, psycopg.errors.UndefinedTable),
        (send_what_fails, psycopg.errors.UndefinedTable),
    ],
)
def test_after_an_error_the_connection_is_as_before(database, journal, caplog, work, error):
    """And nobody else hears of it: psycopg would log what a pipeline leaves behind."""

    def fail():
        with database.pipelined() as (store, users):
            store.lock(["A"])
            work(users)

    with caplog.at_level(logging.DEBUG, logger="psycopg"), pytest.raises(error):
        fail()
    with database.pipelined() as (store, _):
        store.lock(["B"])
    assert not caplog.records
    assert read_tables(journal).heads.keys() == {"B"}


def test_a_commit_that_was_a_rollback_is_no_commit():
    _check_commit("COMMIT")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction, match="ROLLBACK"):
        _check_commit("ROLLBACK")


def test_it_is_off_unless_it_is_asked_for():
    given = {"DATABASE_URL": "postgresql://x"}
    assert not read(given).pipeline
    assert read({**given, "PIPELINE": "1"}).pipeline
    with pytest.raises(BadSetting, match="PIPELINE is 'yes': expected a number"):
        read({**given, "PIPELINE": "yes"})
