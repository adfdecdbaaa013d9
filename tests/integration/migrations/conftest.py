"""A database as RDS gives it: its owner is no superuser, and may make roles."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import migrations
from local.postgres import Postgres, temporary_folder
from migrations.migrate import INORDER, ORDERS


class Managed(NamedTuple):
    """`url` is the master's, `root_url` that of whoever runs the server."""

    url: str
    root_url: str


@contextmanager
def managed_postgres(major: int) -> Iterator[Postgres]:
    """Such a server; its database `migrated` is one to copy from."""
    with temporary_folder() as folder, Postgres(Path(folder), major=major) as server:
        with psycopg.connect(server.url, autocommit=True) as root:
            root.execute("alter system set fsync = off")
            root.execute("select pg_reload_conf()")
            root.execute("create role rds_iam")
            root.execute("create role master login createdb createrole password 'of the master'")
            root.execute("grant rds_iam to master with admin option")
            root.execute("create database migrated owner master")
        migrations.apply(_on(server, "migrated").url, [INORDER, ORDERS])
        yield server


@pytest.fixture(scope="module", params=[16, 18], ids="PostgreSQL {}".format)
def managed_server(request) -> Iterator[Postgres]:
    """The oldest and the newest whose CREATEROLE is over nobody else's roles."""
    with managed_postgres(request.param) as server:
        yield server


@pytest.fixture
def managed(managed_server) -> Iterator[Managed]:
    """An empty database that `master` owns; roles that a test leaves are removed."""
    yield from _database(managed_server, "managed", "template1")


@pytest.fixture
def migrated(managed_server) -> Iterator[Managed]:
    """The same with everything applied."""
    yield from _database(managed_server, "copy", "migrated")


def _database(server: Postgres, name: str, template: str) -> Iterator[Managed]:
    with psycopg.connect(server.url, autocommit=True) as root:
        root.execute(f"create database {name} owner master template {template}")
        known = _roles(root)
        yield _on(server, name)
        root.execute(f"drop database {name} with (force)")
        for role in _roles(root) - known:
            root.execute(f'drop role "{role}"')


def _on(server: Postgres, name: str) -> Managed:
    root_url = make_conninfo(server.url, dbname=name)
    return Managed(make_conninfo(root_url, user="master", password="of the master"), root_url)  # noqa: S106 - of a test


def _roles(root: psycopg.Connection) -> set[str]:
    return {name for (name,) in root.execute("select rolname from pg_roles")}
