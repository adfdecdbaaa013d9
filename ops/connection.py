"""The database and the projection that an operator works with: those of the consumer's settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from psycopg.rows import DictRow, dict_row

from consumer import projection, settings
from consumer.attempts import Attempts
from consumer.database import Database
from consumer.redrive import settings as redrive_settings
from consumer.redrive.lots import Bound
from consumer.settings import BadSetting
from consumer.sql import read_statements

_SQL = read_statements(Path(__file__).with_name("queries.sql"))

_NO_DEADLINE = 10.0**9
"""Seconds: a person at a terminal waits, or interrupts."""


class Redriving(NamedTuple):
    """What a redrive needs."""

    attempts: Attempts
    bound: Bound


@contextmanager
def database() -> Iterator[Database]:
    """The database that the environment names; raises `BadSetting`."""
    try:
        opened = Database(settings.read())
    except BadSetting as error:
        raise BadSetting(
            f"{error}: DATABASE_URL=postgresql://user@host/name, or the consumer's own variables"
        ) from None
    try:
        yield opened
    finally:
        opened.close()


def redriving(opened: Database) -> Redriving:
    """Redrive with the projection that `PROJECTION` names; raises what is wrong with it."""
    given = redrive_settings.read()
    found = projection.find(given.consumer.projection)
    return Redriving(Attempts(opened, found, lambda: _NO_DEADLINE, 0.0), given.bound)


def rows(opened: Database, statement: str, **parameters: Any) -> list[DictRow]:
    """What a statement of `queries.sql` finds."""
    opened.open()
    with (
        opened.transaction() as (_, users),
        users.connection.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(_SQL[statement], parameters).fetchall()
