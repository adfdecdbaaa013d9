"""Every function, run once for what it prints."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.consuming.journal import SCHEMA
from tests.observing.printed import Printing


@pytest.fixture
def printing(tmp_path) -> Iterator[Printing]:
    running = Printing(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def journal(sql: psycopg.Connection) -> psycopg.Connection:
    """The test's database, with the table of the tests' projection."""
    sql.execute(SCHEMA)
    return sql
