"""The server is killed in the middle of a batch, and comes back."""

from pathlib import Path

import psycopg
import pytest

import migrations
from local.postgres import Postgres, temporary_folder
from migrations.migrate import INORDER
from tests.consuming.batches import batch_of
from tests.consuming.events import REFUSED, make_event
from tests.consuming.invoking import FINISHED, environment, unfinished_from
from tests.consuming.journal import SCHEMA
from tests.consuming.relay import Relay, statement
from tests.consuming.tables import read_tables

SENT = [make_event(v, order_id=o) for v in (1, 2) for o in "ABC"]
SENT += [make_event(3, type=REFUSED), make_event(4), b"no event"]


@pytest.fixture(scope="module")
def own_server():
    """A server that the tests here may kill."""
    with temporary_folder() as folder, Postgres(Path(folder)) as server:
        migrations.apply(server.url, [INORDER])
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(SCHEMA)
        yield server


@pytest.fixture
def server(own_server: Postgres):
    """The server, its tables empty."""
    with psycopg.connect(own_server.url, autocommit=True) as connection:
        connection.execute("truncate inorder.head, inorder.ledger, inorder.parking_lot, journal")
        connection.execute("alter role postgres reset all")
    return own_server


def tables_of(server: Postgres):
    with psycopg.connect(server.url) as connection:
        return read_tables(connection)


@pytest.mark.parametrize("text", ["insert into journal", "with applied as (", "commit"])
def test_killed_before_a_statement_nothing_of_the_batch_is_there(server: Postgres, text):
    with Relay(server.port) as relay, environment(relay.url(server.url)) as invoke:
        assert invoke(batch_of([make_event(1, order_id="Z")])) == FINISHED
        before = tables_of(server)
        wanted = statement(text)

        def killing(kind: bytes, body: bytes) -> bool:
            if wanted(kind, body):
                server.kill()
                return True
            return False

        relay.break_before(killing)
        sent = batch_of(SENT, start=50)
        assert invoke(sent) == unfinished_from(50)
        assert invoke(sent) == unfinished_from(50)
        server.start()
        assert tables_of(server) == before
        assert invoke(sent) == FINISHED
        tables = tables_of(server)
    assert {o: head[2] for o, head in tables.heads.items()} == {
        "A": "parked",
        "B": "open",
        "C": "open",
        "Z": "open",
    }
    assert [e.reason for e in tables.lot["A"]] == ["rejected", "follows", "unreadable"]


def test_a_commit_that_was_not_heard_of_survives_the_crash(server: Postgres):
    with Relay(server.port) as relay, environment(relay.url(server.url)) as invoke:
        invoke(batch_of([make_event(1, order_id="Z")]))
        relay.break_after(statement("commit"), times=2)
        sent = batch_of(SENT, start=50)
        assert invoke(sent) == unfinished_from(50)
        server.kill()
        server.start()
        done = tables_of(server)
        assert len(done.ledger) == 4
        assert invoke(sent) == FINISHED
        assert tables_of(server) == done


def test_a_server_that_stops_in_order_is_an_outage_too(server: Postgres):
    with environment(server.url) as invoke:
        assert invoke(batch_of(SENT[:3])) == FINISHED
        server.stop()
        assert invoke(batch_of(SENT[3:], start=4)) == unfinished_from(4)
        server.start()
        assert invoke(batch_of(SENT[3:], start=4)) == FINISHED
        assert tables_of(server).heads["B"] == (True, 2, "open")


def test_a_database_that_forgets_commits_is_refused(server: Postgres):
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("alter role postgres set synchronous_commit = off")
    with environment(server.url) as invoke:
        assert invoke(batch_of(SENT, start=4)) == unfinished_from(4)
    assert tables_of(server).heads == {}


def test_trap_7_a_node_that_became_read_only_parks_nothing(server: Postgres):
    """25006, which psycopg raises as InternalError: what a failover leaves a connection with."""
    with environment(server.url) as invoke:
        assert invoke(batch_of(SENT[:3])) == FINISHED
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("alter system set default_transaction_read_only = on")
            connection.execute("select pg_reload_conf()")
            before = tables_of(server)
            assert invoke(batch_of(SENT, start=4)) == unfinished_from(4)
            assert tables_of(server) == before
            connection.execute("set default_transaction_read_only = off")
            connection.execute("alter system set default_transaction_read_only = off")
            connection.execute("select pg_reload_conf()")
        assert invoke(batch_of(SENT, start=4)) == FINISHED
