"""A server that may be killed, endpoints, and streams of a test's own."""

import secrets
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

import local.demo
import migrations
from local.kinesis.endpoint import Endpoint
from local.kinesis.ministack import ministack
from local.kinesis.resharding import is_installed, kinesalite
from local.postgres import Postgres, temporary_folder
from migrations.migrate import INORDER, ORDERS

_ROLE = Path(local.demo.__file__).with_name("role.sql")


class Databases:
    """Makes a migrated database, and gives its URLs as the consumer and as its owner have them.

    The role is the demo's, its time-outs scaled: a server that lost its client lets go of the locks
    after two seconds instead of sixty.
    """

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self._password = secrets.token_urlsafe(24)
        migrations.apply(server.url, [INORDER, ORDERS])
        with psycopg.connect(server.url) as connection:
            connection.execute(_ROLE.read_bytes())
            connection.execute(
                sql.SQL("alter role inorder_app password {}").format(sql.Literal(self._password))
            )
            connection.execute("alter role inorder_app set lock_timeout = '1s'")
            connection.execute(
                "alter role inorder_app set idle_in_transaction_session_timeout = '2s'"
            )

    def consumers_url(self, port: int) -> str:
        """The consumer's way to the database, by whatever listens on this loopback port."""
        return make_conninfo(
            self.server.url, user="inorder_app", password=self._password, port=port
        )


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A server of the test's own, which it may stop, kill and start again."""
    with temporary_folder() as folder, Postgres(Path(folder)) as started:
        yield started


@pytest.fixture
def databases(server: Postgres) -> Databases:
    return Databases(server)


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
