"""Projections whose transactions meet an error of the server, or lose the connection."""

import os
from collections.abc import Mapping, Sequence
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


class Raising(Journal):
    """Has the server raise the error that the environment variable `RAISED` names, as
    `load 57014` or `save 40001`.
    """

    def load(self, cursor: Any, order_ids: Sequence[str]) -> dict[str, list[str]]:
        _raise_if("load", cursor)
        return super().load(cursor, order_ids)

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        _raise_if("save", cursor)
        super().save(cursor, states)


OWN = "of the test"
"""Stands in every statement that only a test would send."""


def _raise_if(where: str, cursor: Any) -> None:
    at, _, state = os.environ["RAISED"].partition(" ")
    if at == where:
        cursor.execute(f"do $$ begin raise '{OWN}' using errcode = '{state}'; end $$")


def _another(cursor: Any) -> psycopg.Connection[Any]:
    """A session of its own on the same database; `dsn` leaves the password out."""
    info = cursor.connection.info
    return psycopg.connect(
        info.dsn, password=info.password, autocommit=True, prepare_threshold=None
    )
