"""The demo's own questions outlive a broken connection, as the consumer's do."""

import psycopg
import pytest

from local.demo import reading
from local.demo.reading import Reader


def test_a_broken_connection_is_made_anew(database_url, sql):
    asked = []

    def work(connection):
        asked.append(connection.info.backend_pid)
        if len(asked) == 1:
            sql.execute("select pg_terminate_backend(%s)", [asked[0]])
        return connection.execute("select 7").fetchone()

    with Reader(database_url) as read:
        assert read(work) == (7,)
        assert read(work) == (7,)
    first, second, third = asked
    assert first != second == third


def test_it_gives_up_after_its_patience(monkeypatch):
    monkeypatch.setattr(reading, "_PATIENCE_SECONDS", 0.2)
    with (
        Reader("postgresql://nobody@127.0.0.1:1/none") as read,
        pytest.raises(psycopg.OperationalError),
    ):
        read(lambda connection: connection)


def test_what_is_wrong_with_the_question_is_said_at_once(database_url):
    with Reader(database_url) as read, pytest.raises(psycopg.errors.UndefinedTable):
        read(lambda connection: connection.execute("select * from nowhere"))
