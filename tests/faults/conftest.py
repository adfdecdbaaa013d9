"""A server that may be killed, endpoints, and streams of a test's own."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.kinesis.endpoint import Endpoint
from local.kinesis.ministack import ministack
from local.kinesis.resharding import is_installed, kinesalite
from local.postgres import Postgres, temporary_folder
from tests.faults.fault_proxy import FaultProxy
from tests.faults.served import Served, serve


@pytest.fixture(scope="session")
def faulty_server() -> Iterator[Served]:
    """The server of these tests, which they may stop, kill and start again."""
    with temporary_folder() as folder, Postgres(Path(folder)) as server:
        yield serve(server)


@pytest.fixture
def database(faulty_server: Served) -> Iterator[Served]:
    """A database of the test's own on it."""
    assert faulty_server.server.running, "the test before left its server dead"
    name = f"faults_{uuid.uuid4().hex}"
    own = faulty_server.database(name)
    with psycopg.connect(faulty_server.url, autocommit=True) as connection:
        connection.execute(f"create database {name} template migrated")
    yield own
    if own.server.running:
        with psycopg.connect(faulty_server.url, autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def proxy(database: Served) -> Iterator[FaultProxy]:
    """A proxy in front of the server."""
    made = FaultProxy(database.server.port)
    yield made
    made.close()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    with ministack() as started:
        yield started


@pytest.fixture(scope="session")
def resharding_endpoint() -> Iterator[Endpoint]:
    if not is_installed():
        pytest.skip("kinesalite is not installed (make setup): nothing here can be resharded")
    with kinesalite() as started:
        yield started


@pytest.fixture
def arn(endpoint: Endpoint) -> str:
    """A stream of the test's own, of two shards."""
    return endpoint.create_stream(f"faults-{uuid.uuid4().hex}", 2)
