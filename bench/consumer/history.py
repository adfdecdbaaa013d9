"""A ledger with a past, for what is measured on a large one."""

from pathlib import Path
from typing import Any

import psycopg

from consumer.sql import read_statements

_SQL = read_statements(Path(__file__).with_name("history.sql"))


def fill(url: str, *, orders: int, versions: int, prefix: str = "past-", days: float = 1.0) -> None:
    """Give so many orders so many rows each, applied days ago and audited."""
    given = {"orders": orders, "versions": versions, "prefix": prefix, "days": days}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute(_SQL["without_keys"])
        for statement in _SQL["fill"].split(";"):
            connection.execute(statement.encode(), given)
        connection.execute(_SQL["with_keys"])
        connection.execute(_SQL["audited"])
        connection.execute("vacuum analyze inorder.ledger, inorder.head")


def sizes(url: str) -> dict[str, int]:
    """Bytes of ledger, heads and orders, and of each of their indexes."""
    with psycopg.connect(url) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(_SQL["sizes"]).fetchall()
        return dict(rows)


def wal_bytes(url: str) -> int:
    """Bytes of write-ahead log that the server has written."""
    with psycopg.connect(url) as connection:
        ((written,),) = connection.execute(_SQL["wal"]).fetchall()
        return int(written)
