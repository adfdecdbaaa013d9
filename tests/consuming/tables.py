"""What stands in the tables, in plain values: the tests' view of a database, real or not."""

from typing import Any, NamedTuple
from uuid import UUID

import psycopg


class Applied(NamedTuple):
    """A row of the ledger."""

    ordinal: int
    id: UUID
    digest: int
    position: tuple[int, int] | None


class Parked(NamedTuple):
    """An entry of the lot, in the order of redrive."""

    rank: int
    kind: str
    reason: str
    payload: bytes
    position: tuple[int, int]


class Tables(NamedTuple):
    """Heads as (versioned, ordinal, state), and the rest by order."""

    heads: dict[str, tuple[bool | None, int, str]]
    ledger: dict[str, list[Applied]]
    lot: dict[str | None, list[Parked]]
    journal: dict[str, list[str]]


def read_tables(connection: psycopg.Connection[Any]) -> Tables:
    """Everything that the consumer wrote, and the journal where there is one."""
    heads = connection.execute("select order_id, versioned, ordinal, state from inorder.head")
    tables = Tables({o: (versioned, n, s) for o, versioned, n, s in heads}, {}, {}, {})
    for order_id, ordinal, id_, digest, sequence, sub in connection.execute(
        "select order_id, ordinal, id, digest, sequence_number, sub_sequence_number"
        " from inorder.ledger order by order_id, ordinal"
    ):
        at = None if sequence is None else (int(sequence), sub)
        row = Applied(ordinal, id_, digest, at)
        tables.ledger.setdefault(order_id, []).append(row)
    for order_id, rank, kind, reason, payload, sequence, sub in connection.execute(
        "select order_id, rank, kind, reason, payload, sequence_number, sub_sequence_number"
        " from inorder.parking_lot order by order_id, rank, entry_id"
    ):
        entry = Parked(rank, kind, reason, bytes(payload), (int(sequence), sub))
        tables.lot.setdefault(order_id, []).append(entry)
    (journal,) = connection.execute("select to_regclass('journal') is not null").fetchone() or (0,)
    if journal:
        tables.journal.update(connection.execute("select order_id, seen from journal").fetchall())
    return tables
