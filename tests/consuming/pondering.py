"""Projections in whose transactions the connection is lost."""

from collections.abc import Mapping
from typing import Any

import psycopg

from tests.consuming.journal import Journal


class Pondering(Journal):
    """Leaves its transaction idle until the server ends the session."""

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        with _another(cursor) as other:
            alive: tuple[Any, ...] | None = (1,)
            while alive:
                alive = other.execute(
                    "select pg_sleep(0.01) from pg_stat_activity where pid = %s",
                    [cursor.connection.info.backend_pid],
                ).fetchone()
        super().save(cursor, states)


class Terminating(Journal):
    """Has its session ended by an administrator."""

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        with _another(cursor) as other:
            other.execute("select pg_terminate_backend(%s)", [cursor.connection.info.backend_pid])
        super().save(cursor, states)


def _another(cursor: Any) -> psycopg.Connection[Any]:
    """A session of its own on the same database; `dsn` leaves the password out."""
    info = cursor.connection.info
    return psycopg.connect(info.dsn, password=info.password, autocommit=True)
