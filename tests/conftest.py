"""A real PostgreSQL for every test that asks, and lines to say at the end of the run."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import migrations
from local.postgres import Postgres, temporary_folder
from migrations.migrate import INORDER, ORDERS

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

# readline, which pytest imports, tells the processes of a run in several that they have 80.
os.environ.pop("COLUMNS", None)

_notes: list[str] = []


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


@pytest.fixture(scope="session")
def note() -> Callable[[str], None]:
    """Say one line at the end of the run: a size, a time, what stood in for what."""
    return _notes.append


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of a run in several processes hands its lines to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["notes"] = _notes


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _notes.extend(getattr(node, "workeroutput", {}).get("notes", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in dict.fromkeys(_notes):
        terminalreporter.write_line(f"note: {line}")
