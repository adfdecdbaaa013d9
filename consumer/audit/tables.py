"""The tables as the auditor sees them: one short transaction per question, nothing decided."""

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from psycopg.rows import tuple_row

from consumer.audit.findings import Fault, Waiting
from consumer.audit.spans import Span
from consumer.database import Database
from consumer.sql import read_statements

_SQL = read_statements(Path(__file__).with_name("queries.sql"))

MOST_SUSPECTS = 1_000
_MOST_FAULTS_OF_AN_ORDER = 20


class Progress(NamedTuple):
    """How far the audit has come. `settled`: whatever ran at `marked_at` is over."""

    audited_to: datetime
    marked_at: datetime | None
    swept_to: str
    settled: bool
    unusable: bool
    now: datetime


class Tables:
    """Ledger, heads, lot and the auditor's own rows, on an open connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def progress(self) -> Progress:
        return Progress(*self._rows("state")[0])

    def mark(self, at: datetime) -> None:
        """Note who may be writing now; `at` has to be a time that has passed."""
        self._do("mark", at=at)

    def audited(self, to: datetime) -> None:
        self._do("audited", to=to)

    def swept(self, to: str) -> None:
        self._do("swept", to=to)

    def rows_in(self, span: Span) -> int:
        count: int = self._rows("rows_between", **{"from": span.start, "to": span.end})[0][0]
        return count

    def suspects_in(self, span: Span) -> list[str]:
        limits = {"from": span.start, "to": span.end, "limit": MOST_SUSPECTS}
        return self._order_ids("suspects_between", **limits)

    def orders_waiting(self, after: str, limit: int) -> list[str]:
        return self._order_ids("orders_waiting", after=after, limit=limit)

    def orders(self, after: str, limit: int) -> list[str]:
        return self._order_ids("orders", after=after, limit=limit)

    def suspects_waiting(self, order_ids: Sequence[str]) -> list[str]:
        return self._order_ids("suspects_waiting", order_ids=order_ids)

    def suspects_among(self, order_ids: Sequence[str]) -> list[str]:
        return self._order_ids("suspects_among", order_ids=order_ids)

    def known_suspects(self) -> list[str]:
        return self._order_ids("known_suspects", limit=MOST_SUSPECTS)

    def faults(self, order_ids: Collection[str]) -> list[Fault]:
        """Everything that is wrong with these orders, sorted."""
        asked = {"order_ids": sorted(order_ids), "limit": _MOST_FAULTS_OF_AN_ORDER}
        return sorted(Fault(*row) for row in self._rows("faults", **asked))

    def remember(self, suspects: Collection[str], sound: Collection[str]) -> None:
        """These orders are looked at again, those no more."""
        if suspects:
            self._do("suspect", order_ids=sorted(suspects))
        if sound:
            self._do("clear", order_ids=sorted(sound))

    def waiting(self) -> Waiting:
        return Waiting(*self._rows("waiting")[0])

    def known_receipts(self, asked: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
        """For each receipt asked for: number, applied, waiting, decided, pruned, passed."""
        return self._rows("known_receipts", **asked)

    def _order_ids(self, statement: str, **parameters: Any) -> list[str]:
        return [row[0] for row in self._rows(statement, **parameters)]

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
