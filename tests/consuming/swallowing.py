"""Projections that deal with errors of the database themselves, well and badly."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg

from tests.consuming.journal import Journal


class Swallowing(Journal):
    """Takes no notice of an error, and of the transaction that it has ended."""

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        super().save(cursor, states)
        try:
            cursor.execute("select 1 / 0").fetchone()
        except psycopg.Error:
            return


class Trying(Journal):
    """Tries something within a savepoint, and goes on without it."""

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        try:
            with cursor.connection.transaction():
                cursor.execute("select 1 / 0").fetchone()
        except psycopg.errors.DivisionByZero:
            super().save(cursor, states)


class Suppressing(Journal):
    """Takes no notice of rows that are there already."""

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        with suppress(psycopg.errors.UniqueViolation):
            super().save(cursor, states)
