"""Ledger, heads and parking lot inside one transaction: the statements, nothing decided."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from psycopg import Cursor

from consumer.arrays import Texts
from consumer.arrivals import Arrival, read_event
from consumer.connection import Timed
from consumer.deploys import Failing
from consumer.order import Decided, Fact, Failure, Head, Kind, Order, Reason, State, Waiting
from consumer.rows import (
    Asked,
    Beside,
    beside_rows,
    head_rows,
    ledger_rows,
    lot_rows,
    refused_rows,
)
from consumer.sql import read_statements
from contract import Position

_SQL = read_statements(Path(__file__).with_name("queries.sql"))

_DRAIN_BYTES = 4_000_000
"""Payload that one transaction takes out of one lot: a hundred of the largest events would not fit
into the memory of a small function."""


class Store:
    """The consumer's own tables inside a transaction of this connection."""

    def __init__(self, connection: Timed) -> None:
        self._connection = connection

    def lock(self, order_ids: Sequence[str]) -> dict[str, Head]:
        """The heads of these orders, made where missing and locked; `order_ids` come sorted.

        Two statements: one that inserts and locks would read heads as they were before it waited.
        """
        sorted_ids = {"order_ids": Texts(order_ids)}
        self._send("add_heads", sorted_ids)
        return {row[0]: _head(row) for row in self._send("lock_heads", sorted_ids)}

    def look_up(
        self, heads: Mapping[str, Head], lanes: Mapping[str, Sequence[Arrival]], *, drain: int
    ) -> dict[str, Order]:
        """What is known about the lanes' events, and of each lot one entry more than `drain`."""
        return self.ask(heads, lanes, drain=drain)()

    def ask(
        self, heads: Mapping[str, Head], lanes: Mapping[str, Sequence[Arrival]], *, drain: int
    ) -> Callable[[], dict[str, Order]]:
        """Ask what `look_up` returns; the answers are read by calling what this returns, so that
        more can be asked in the meantime.

        No statement for no events, one for orders that are open, three if any of them has events in
        its lot, and one for those of which an operator has skipped or edited events.
        """
        asked = Asked(heads, lanes)
        decided = [order_id for order_id, head in heads.items() if head.decided]
        closed = [order_id for order_id, head in heads.items() if head.state is not State.OPEN]
        limits = {"limit": drain + 1, "bytes": _DRAIN_BYTES}
        return partial(
            _orders,
            heads,
            ledger=self._send("facts_in_ledger", asked.of_ledger()) if any(lanes.values()) else (),
            settled=self._send("settled", {"order_ids": decided}) if decided else (),
            lot=self._send("facts_in_lot", asked.of_lot(closed)) if closed else (),
            waiting=self._send("waiting", {"order_ids": closed, **limits}) if closed else (),
        )

    def count_failing(self, version: str, order_ids: Sequence[str]) -> Failing:
        """Add orders to those that failed since this version of the code last applied an event.

        Whoever counts next for this version waits until this transaction has ended.
        """
        (row,) = self._send("count_failing", {"version": version, "orders": order_ids}).fetchall()
        return Failing(orders=tuple(row[0]), stopped=row[1])

    def write(
        self,
        decisions: Collection[Decided],
        strays: Iterable[Waiting] = (),
        beside: Beside | None = None,
    ) -> None:
        """What was decided: one statement, and one for each way the lot changes. The first is only
        posted (`Timed.post`).
        """
        beside = beside or Beside()
        rows = ledger_rows(decisions) | head_rows(decisions) | beside_rows(beside)
        self._connection.post(_SQL["advance"], rows)
        parked = [entry for decided in decisions for entry in decided.parked]
        parked.extend(strays)
        version = {"code_version": beside.code_version}
        if parked:
            self._send("park", lot_rows(parked) | version)
        drained = [entry_id for decided in decisions for entry_id in decided.drained]
        if drained:
            self._send("unpark", {"entry_ids": drained})
        refused = [entry for decided in decisions for entry in decided.refused]
        if refused:
            self._send("refuse", refused_rows(refused) | version)

    def _send(self, statement: str, parameters: dict[str, Any]) -> Cursor[Any]:
        """Each statement has a cursor of its own: in a pipeline its rows are read when others have
        been sent after it.
        """
        cursor = self._connection.cursor(binary=True)
        cursor.execute(_SQL[statement], parameters)
        return cursor


Rows = Iterable[Sequence[Any]]


def _orders(
    heads: Mapping[str, Head], *, ledger: Rows, settled: Rows, lot: Rows, waiting: Rows
) -> dict[str, Order]:
    """The orders as the answers tell them."""
    facts: dict[str, list[Fact]] = {order_id: [] for order_id in heads}
    settled_facts: dict[str, list[Fact]] = {}
    positions: dict[str, set[Position]] = {}
    lots: dict[str, list[Any]] = {}
    for order_id, id_, ordinal, digest in ledger:
        version = ordinal if heads[order_id].versioned else None
        facts[order_id].append(Fact(id_, version, digest))
    for order_id, id_, version, digest, sequence_number, sub_sequence_number in settled:
        if digest is None:
            position = Position(int(sequence_number), sub_sequence_number)
            positions.setdefault(order_id, set()).add(position)
        else:
            settled_facts.setdefault(order_id, []).append(Fact(id_, version, digest))
    for order_id, id_, version, digest, sequence_number, sub_sequence_number in lot:
        position = Position(int(sequence_number), sub_sequence_number)
        positions.setdefault(order_id, set()).add(position)
        facts[order_id].append(Fact(id_, version, digest))
    for row in waiting:
        lots.setdefault(row[0], []).append(row)
    return {
        order_id: Order(
            head=head,
            facts=tuple(facts[order_id]),
            settled=tuple(settled_facts.get(order_id, ())),
            positions=frozenset(positions.get(order_id, ())),
            **_lot(lots.get(order_id, ())),
        )
        for order_id, head in heads.items()
    }


def _head(row: Sequence[Any]) -> Head:
    order_id, versioned, ordinal, sequence_number, sub_sequence_number, state, decided = row
    at = None if sequence_number is None else Position(int(sequence_number), sub_sequence_number)
    return Head(
        order_id=order_id,
        versioned=versioned,
        ordinal=ordinal,
        position=at,
        state=State(state),
        decided=decided,
    )


def _lot(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """What the rows about one order's lot say; nothing of an order that is open."""
    if not rows:
        return {}
    *_, found, blocked, last_rank = rows[0]
    waiting = tuple(_waiting(row) for row in rows if row[1] is not None)
    return {
        "waiting": waiting,
        "cut": len(waiting) < (found or 0),
        "blocked": blocked,
        "last_rank": last_rank or 0,
    }


def _waiting(row: Sequence[Any]) -> Waiting:
    _, entry_id, rank, kind, partition_key, sequence_number, sub, payload, reason, detail, *_ = row
    return Waiting(
        arrival=read_event(
            payload, position=Position(int(sequence_number), sub), partition_key=partition_key
        ),
        rank=rank,
        kind=Kind(kind),
        failure=Failure(Reason(reason), detail),
        entry_id=entry_id,
    )
