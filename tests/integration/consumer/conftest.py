"""The consumer on a database of the test's own."""

import socket
from collections.abc import Callable, Iterator

import psycopg
import pytest

from local.postgres import Postgres
from tests.consuming.invoking import Answer, environment
from tests.consuming.journal import SCHEMA
from tests.consuming.relay import Relay


@pytest.fixture
def journal(sql: psycopg.Connection) -> psycopg.Connection:
    """The test's database, with the table of the tests' projection."""
    sql.execute(SCHEMA)
    return sql


@pytest.fixture(params=["0", "1"], ids=["plain", "pipelined"])
def pipeline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways of sending a batch: statement by statement, and in a pipeline."""
    monkeypatch.setenv("PIPELINE", request.param)
    return bool(request.param == "1")


@pytest.fixture
def invoke(database_url: str, journal: psycopg.Connection) -> Iterator[Callable[..., Answer]]:
    """The handler with the tests' projection."""
    with environment(database_url) as invoke:
        yield invoke


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A loopback port that refuses connections: bound, and not listened to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def relay(postgres: Postgres) -> Iterator[Relay]:
    """A relay in front of the server."""
    with Relay(postgres.port) as relay:
        yield relay


@pytest.fixture
def relayed(
    relay: Relay, database_url: str, journal: psycopg.Connection
) -> Iterator[Callable[..., Answer]]:
    """The handler with the tests' projection, connected through the relay."""
    with environment(relay.url(database_url)) as invoke:
        yield invoke
