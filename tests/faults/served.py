"""A server with a migrated database to copy from, and the consumer's role."""

import secrets
from typing import NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

import migrations
from local.postgres import Postgres
from migrations.migrate import INORDER, ORDERS
from migrations.roles import Role, Work, prepare

_SCALED = """
alter role inorder_app set lock_timeout = '1s';
alter role inorder_app set idle_in_transaction_session_timeout = '2s';
"""


class Served(NamedTuple):
    """A database on a server, as its owner and as the consumer reach it."""

    server: Postgres
    name: str
    password: str

    @property
    def url(self) -> str:
        """The owner's way to it."""
        return make_conninfo(self.server.url, dbname=self.name)

    def consumers_url(self, port: int | None = None) -> str:
        """The consumer's way, by whatever listens on this loopback port; None: the server."""
        given = {"user": "inorder_app", "password": self.password, "port": port}
        return make_conninfo(self.url, **{k: v for k, v in given.items() if v is not None})

    def database(self, name: str) -> "Served":
        """Another database on the same server."""
        return self._replace(name=name)


def serve(server: Postgres) -> Served:
    """Make the database `migrated` and the consumer's role.

    The role is a deployment's, its time-outs scaled: a server that lost its client lets go of the
    locks after two seconds instead of sixty. Nothing is forced to disk, which only a failure of
    the machine could tell from what is: a killed server's writes are with the kernel.
    """
    made = Served(server, "migrated", secrets.token_urlsafe(24))
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")
        connection.execute("create database migrated")
    migrations.apply(f"{server.url}?dbname=migrated", [INORDER, ORDERS])
    prepare(made.url, [Role(name="inorder_app", work=Work.APPLICATION, password=made.password)])
    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute(_SCALED)
    return made._replace(name="postgres")
