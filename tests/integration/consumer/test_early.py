"""The first connection is begun while the function is imported: it is used once, and an error in it
is one failed try to connect as any other.
"""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from consumer import early
from consumer.attempts import Attempts
from consumer.database import Database
from consumer.early import Begun, begin
from consumer.settings import BadSetting, read

LAMBDA = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}


@pytest.fixture
def variables(database_url):
    return {"DATABASE_URL": database_url}


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        ({}, False),
        (LAMBDA, True),
        (LAMBDA | {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}, True),
        (LAMBDA | {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}, False),
        (LAMBDA | {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}, False),
        (LAMBDA | {"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"}, False),
    ],
)
def test_it_begins_where_lambda_starts_an_environment_on_demand(
    monkeypatch, variables, said, begins
):
    asked = []
    monkeypatch.setattr(early, "connect", asked.append)
    begun = begin(variables | said)
    assert (begun is not None) == begins
    if begun is not None:
        begun._thread.join()
    assert len(asked) == begins


def test_the_first_connection_is_the_one_that_was_begun_and_the_next_a_new_one(variables):
    begun = begin(variables | LAMBDA)
    database = Database(read(variables), begun=begun)
    database.open()
    assert database._connection is begun()
    database.close()
    database.open()
    assert database._connection is not begun()
    with database.transaction() as (_, cursor):
        assert cursor.execute("select 1").fetchone() == (1,)
    database.close()


def test_where_the_server_did_not_answer_the_next_try_is_a_new_one(variables):
    nowhere = {"DATABASE_URL": make_conninfo(variables["DATABASE_URL"], port=1)}
    database = Database(read(variables), begun=begin(nowhere | LAMBDA))
    attempts = Attempts(database, projection=None, remaining=lambda: 60.0, reserve_seconds=1.0)
    assert attempts.note(lambda _: "done") == "done"
    assert attempts.transient_failures == 1
    database.close()


def test_a_connection_that_broke_before_it_was_used_is_made_anew(variables, sql):
    """As after hours in which the environment was frozen."""
    begun = begin(variables | LAMBDA)
    pid = begun().info.backend_pid
    sql.execute("select pg_terminate_backend(%s, 5000)", [pid])
    database = Database(read(variables), begun=begun)
    attempts = Attempts(database, projection=None, remaining=lambda: 60.0, reserve_seconds=1.0)
    asked = attempts.note(lambda deliveries: deliveries._cursor.execute("select 2").fetchone())
    assert asked == (2,)
    assert attempts.transient_failures == 1
    database.close()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, psycopg.OperationalError),
        ({"CHUNK_EVENTS": "many", "DATABASE_URL": "postgresql://x"}, BadSetting),
    ],
)
def test_what_went_wrong_is_said_to_whoever_asks_for_the_connection(wrong, error):
    begun = begin(wrong | LAMBDA)
    assert isinstance(begun, Begun)
    with pytest.raises(error):
        begun()
