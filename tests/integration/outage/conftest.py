"""The consumer in child processes over the test's database, which has a journal."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.consuming.consumers import Start, starting
from tests.consuming.journal import SCHEMA


@pytest.fixture
def consumers(database_url: str, sql: psycopg.Connection, tmp_path: Path) -> Iterator[Start]:
    """Starts a pool of environments of the consumer."""
    sql.execute(SCHEMA)
    with starting(database_url, tmp_path) as start:
        yield start
