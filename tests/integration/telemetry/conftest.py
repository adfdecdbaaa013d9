"""Every function, run once for what it prints."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local.postgres import Postgres
from tests.consuming.journal import SCHEMA
from tests.observing.everything import all_functions
from tests.observing.printed import Printing


@pytest.fixture(scope="session")
def metric_lines(postgres: Postgres, tmp_path_factory) -> list[dict[str, Any]]:
    """The lines with metrics of a run of every function, on a database of its own."""
    name = f"telemetry_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name} template migrated")
    url = f"{postgres.url}?dbname={name}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
    with all_functions(url, tmp_path_factory.mktemp("printed")) as printing:
        return [line for line in printing.lines() if "_aws" in line]


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
