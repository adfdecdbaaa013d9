"""The ledger as pruning sees it: one short transaction per question, nothing decided."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import Cursor
from psycopg.rows import tuple_row

from consumer.database import Database
from consumer.sql import read_statements

_SQL = read_statements(Path(__file__).with_name("queries.sql"))

MOST_OF_AN_ORDER = 5_000
"""Rows of one order that one transaction removes: its head is locked meanwhile."""


class Progress(NamedTuple):
    """How far the last run came. Rows applied after `audited_to` nobody has audited yet."""

    keep: timedelta | None
    next_block: int
    before: datetime | None
    due: bool
    audited_to: datetime
    now: datetime
    blocks: int


class Removed(NamedTuple):
    """What one piece removed; `left`: there is more to remove in the same blocks."""

    rows: int
    left: bool


class Ledger:
    """Ledger, heads and the pruning's own row, on an open connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def progress(self) -> Progress:
        return Progress(*self._rows("state")[0])

    def begin_pass(self, keep: timedelta, before: datetime) -> None:
        self._do("begin_pass", keep=keep, before=before)

    def walked(self, next_block: int, rows: int) -> None:
        self._do("walked", next_block=next_block, rows=rows)

    def end_pass(self, due_at: datetime) -> None:
        self._do("end_pass", due_at=due_at)

    def keep_for_ever(self) -> None:
        self._do("keep_for_ever")

    def remove(self, first_block: int, end_block: int, before: datetime) -> Removed:
        """Remove what was applied before this time from these blocks; the rows of an order that
        lie before those too, wherever they are. What is locked stays.
        """
        found = self._rows("find", **{"from": first_block, "to": end_block, "before": before})
        if not found:
            return Removed(0, left=False)
        self._database.open()
        with self._database.transaction() as (_, users):
            return _remove(users, dict(found))

    def _rows(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        self._database.open()
        with (
            self._database.transaction() as (_, users),
            users.connection.cursor(row_factory=tuple_row) as cursor,
        ):
            return cursor.execute(_SQL[statement], parameters).fetchall()

    def _do(self, statement: str, **parameters: Any) -> None:
        self._database.open()
        with self._database.transaction() as (_, users):
            users.execute(_SQL[statement], parameters)


def _remove(cursor: Cursor[Any], lasts: Mapping[str, int]) -> Removed:
    firsts = dict(cursor.execute(_SQL["lock"], {"order_ids": list(lasts)}).fetchall())
    ends = {o: min(lasts[o], first + MOST_OF_AN_ORDER - 1) for o, first in firsts.items()}
    # A row before its order's beginning is a fault, and the auditor's business.
    due = [order_id for order_id, first in firsts.items() if first <= ends[order_id]]
    if not due:
        return Removed(0, left=False)
    asked = {
        "order_ids": due,
        "firsts": [firsts[order_id] for order_id in due],
        "lasts": [ends[order_id] for order_id in due],
    }
    ((rows,),) = cursor.execute(_SQL["remove"], asked).fetchall()
    return Removed(rows, left=any(ends[order_id] < lasts[order_id] for order_id in due))
