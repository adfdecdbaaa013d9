"""The database and the projection that an operator works with: those of the consumer's settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from psycopg.rows import DictRow, dict_row

from consumer import projection, settings
from consumer.apart.process import Processes
from consumer.apart.witness import Witness
from consumer.attempts import Attempts
from consumer.database import Database
from consumer.delivery import Delivery
from consumer.redrive import settings as redrive_settings
from consumer.redrive.replay import Means
from consumer.settings import BadSetting
from consumer.sql import read_statements
from consumer.version import code_of

_SQL = read_statements(Path(__file__).with_name("queries.sql"))

_ALWAYS_LEFT = 900.0
"""Seconds: a person at a terminal waits, or interrupts. As long as a Lambda invocation at most, so
that the marker of a command that died is taken for dead some time.
"""


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


def redriving(opened: Database) -> Means:
    """Redrive with the projection that `PROJECTION` names; raises what is wrong with it."""
    given = redrive_settings.read()
    found = projection.find(given.consumer.projection)
    code = code_of(given.consumer)
    attempts = Attempts(opened, found, lambda: _ALWAYS_LEFT, 0.0, code)
    consumer = given.consumer
    witness = Witness(
        attempts, Processes(consumer, code), consumer.killer_deaths, consumer.projection_seconds
    )
    return Means(attempts, Delivery(attempts, environment=uuid4()), given.bound, witness)


def rows(opened: Database, statement: str, **parameters: Any) -> list[DictRow]:
    """What a statement of `queries.sql` finds."""
    opened.open()
    with (
        opened.transaction() as (_, users),
        users.connection.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(_SQL[statement], parameters).fetchall()
