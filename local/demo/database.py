"""The demo's database: an embedded server that is kept running, or the one that was given."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

import migrations
from contract import InorderError
from local.demo.reading import patiently
from local.demo.settings import DemoSettings
from local.postgres import Postgres, temporary_folder
from migrations.migrate import INORDER, ORDERS
from migrations.roles import Role, Work, prepare

_OLDEST = 150_000


class UnusableDatabase(InorderError):
    """The database that was given cannot be used; the message says why."""


class Databases(NamedTuple):
    """Connection strings to the one database: the consumer's, and one to look at everything."""

    consumer: str
    auditor: str


@contextmanager
def open_database(settings: DemoSettings, announce: Callable[[str], None]) -> Iterator[Databases]:
    """The database, migrated and ready; `announce` is told where it runs."""
    folders = [INORDER]
    if settings.projection == DemoSettings().projection:
        folders.append(ORDERS)
    if settings.migrations is not None:
        folders.append(settings.migrations)
    if settings.database_url is not None:
        _check(settings.database_url)
        url = settings.database_url
        patiently(lambda: migrations.apply(url, folders))
        announce("database the one given by DATABASE_URL")
        yield Databases(url, url)
        return
    with (
        temporary_folder() as folder,
        Postgres(Path(folder)) as server,
        _kept_running(server, announce),
    ):
        migrations.apply(server.url, folders)
        announce(f"database {_where(server)}")
        yield Databases(_least_privileged(server.url), server.url)


def _check(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            version = connection.info.server_version
    except psycopg.Error as error:
        raise UnusableDatabase(f"DATABASE_URL: {error}") from None
    if version < _OLDEST:
        raise UnusableDatabase(f"DATABASE_URL: PostgreSQL {version // 10_000} is too old: 15 to 18")


def _least_privileged(url: str) -> str:
    """Make the application's role as a deployment would."""
    role = Role(name="inorder_app", work=Work.APPLICATION, password=secrets.token_urlsafe(24))
    prepare(url, [role])
    return make_conninfo(url, user=role.name, password=role.password)


@contextmanager
def _kept_running(server: Postgres, announce: Callable[[str], None]) -> Iterator[None]:
    """Start the server again when it dies, as Aurora would fail over."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            if not server.running:
                server.start()
                announce(f"database died and was started again: {_where(server)}")

    watcher = threading.Thread(target=watch, name="postgres-watcher")
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _where(server: Postgres) -> str:
    return f"embedded PostgreSQL {server.major} on port {server.port}, process {server.pid}"
