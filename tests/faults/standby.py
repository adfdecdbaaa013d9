"""Writers that stop being one, and a second PostgreSQL that forgets no commit of the first."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from local import tether
from local.postgres import Postgres
from tests.consuming.waiting import until


def standby_of(primary: Postgres, folder: Path) -> Postgres:
    """A hot standby of this server, started, on whose word every commit of the primary waits.

    The primary waits for it only from the end of the copy on: the copy must not wait for another.
    """
    standby = Postgres(folder)
    standby._password = primary._password
    standby._binaries = primary._binaries
    if primary._user:
        shutil.chown(folder, primary._user)
    subprocess.run(
        [
            primary._binaries / "pg_basebackup",
            *("--pgdata", folder / "data", "--dbname", primary.url),
            *("--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--no-sync"),
        ],
        **tether.as_user(primary._user),
        cwd=folder,
        check=True,
    )
    standby.start()
    _configure(primary, "synchronous_standby_names", "*")
    until(lambda: _answer(primary, _IS_SYNCHRONOUS), seconds=10)
    return standby


@contextmanager
def read_only(server: Postgres) -> Iterator[None]:
    """In the block the server refuses to write, also on the connections that stand."""
    _configure(server, "default_transaction_read_only", "on")
    try:
        yield
    finally:
        _configure(server, "default_transaction_read_only", "off")


def promote(standby: Postgres) -> None:
    """End recovery, and wait until it writes."""
    assert _answer(standby, "select pg_promote()")


_IS_SYNCHRONOUS = "select exists (select from pg_stat_replication where sync_state = 'sync')"


def _configure(server: Postgres, name: str, value: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("set default_transaction_read_only = off")
        connection.execute(f"alter system set {name} = '{value}'")
        connection.execute("select pg_reload_conf()")


def _answer(server: Postgres, query: str) -> object:
    with psycopg.connect(server.url, autocommit=True) as connection:
        return connection.execute(query).fetchone()[0]
