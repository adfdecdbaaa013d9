"""A real PostgreSQL for every test that asks, a fresh database each."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import migrations
from local.postgres import Postgres, temporary_folder
from migrations.migrate import INORDER, ORDERS

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server of this test run, with a migrated database named `migrated` to copy from."""
    with temporary_folder() as folder, Postgres(Path(folder)) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            # No test cuts the power, and a process that is killed leaves its writes to the kernel.
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
            connection.execute("create database migrated")
        migrations.apply(f"{server.url}?dbname=migrated", [INORDER, ORDERS])
        yield server


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """The URL of a migrated database of the test's own, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name} template migrated")
        yield f"{postgres.url}?dbname={name}"
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def sql(database_url: str) -> Iterator[psycopg.Connection]:
    """An autocommitting connection to the test's database, for looking at the tables."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def olist() -> Path:
    """Real order events, where the workplace has them."""
    file = SHARED_DATA / "olist-order-events.jsonl.gz"
    if not file.exists():
        pytest.skip("the Olist events (../shared/data/olist-order-events.jsonl.gz) are not here")
    return file
