"""The roles that functions and operators log in as; a file has the grants of one kind of work."""

from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg import Connection, sql

from migrations.migrate import MigrationFailed

_HERE = Path(__file__).parent
_IAM = "rds_iam"


class Work(Enum):
    """What a role is for: the files that grant it."""

    APPLICATION = ("consumer", "auditor", "projection")
    """Consumer, redrive and auditor."""

    OPERATOR = ("consumer", "operator", "projection")
    """The command line `inorder`, whose redrive does the consumer's work."""


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A role that logs in with an IAM token (`iam`) or with `password`; with neither, it keeps what
    it has.
    """

    name: str
    work: Work
    iam: bool = False
    password: str | None = None


def prepare(url: str, roles: Iterable[Role]) -> None:
    """Make these roles, or bring them up to date: grants, time-outs, what they log in with.

    `url` is that of the role which applied the migrations: their owner, who may create roles; a
    superuser it need not be. Each role is one transaction. A role that may do more keeps it: an
    older version of the code may need it. Raises `MigrationFailed`, `psycopg.Error`.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        for role in roles:
            try:
                with connection.transaction():
                    _prepare(connection, role)
            except psycopg.errors.InsufficientPrivilege as error:
                raise MigrationFailed(
                    f"role {role.name}: {error.diag.message_primary}; {connection.info.user} needs "
                    "CREATEROLE, and over a role that it did not make itself the ADMIN OPTION"
                ) from error


def _prepare(connection: Connection[Any], role: Role) -> None:
    name = sql.Identifier(role.name)
    # Roles belong to the whole server: two migrators of two databases may meet here.
    connection.execute("select pg_advisory_xact_lock(hashtext('inorder roles'))")
    if not _exists(connection, role.name):
        connection.execute(sql.SQL("create role {role} login").format(role=name))
    for file in ("login", *role.work.value):
        connection.execute(
            sql.SQL(_text(file)).format(role=name, database=sql.Identifier(connection.info.dbname))
        )
    _let_log_in(connection, role)


def _let_log_in(connection: Connection[Any], role: Role) -> None:
    """IAM takes precedence over a password where a role has both (Aurora User Guide, "IAM database
    authentication"), so it has one of them. Outside of RDS there is no IAM.
    """
    name = sql.Identifier(role.name)
    on_rds = _exists(connection, _IAM)
    if role.iam and on_rds:
        connection.execute(sql.SQL("grant rds_iam to {}").format(name))
    if role.password is None:
        return
    if on_rds and _is_member(connection, role.name):
        connection.execute(sql.SQL("revoke rds_iam from {}").format(name))
    # Encrypted here, so that the server's log of statements holds no password.
    algorithm = connection.execute("show password_encryption").fetchone() or ("scram-sha-256",)
    encrypted = connection.pgconn.encrypt_password(
        role.password.encode(), role.name.encode(), algorithm[0].encode()
    )
    statement = sql.SQL("alter role {} password {}")
    connection.execute(statement.format(name, sql.Literal(encrypted.decode())))


def _exists(connection: Connection[Any], name: str) -> bool:
    found = connection.execute("select from pg_roles where rolname = %s", [name])
    return found.fetchone() is not None


def _is_member(connection: Connection[Any], name: str) -> bool:
    found = connection.execute("select pg_has_role(%s, %s, 'member')", [name, _IAM]).fetchone()
    return found is not None and bool(found[0])


def _text(file: str) -> LiteralString:
    return (_HERE / f"{file}.sql").read_text()
