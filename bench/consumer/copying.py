"""The bound: binary COPY of the rows that ours writes, decode included and nothing decided.

Nothing is asked, locked, checked or folded on the clock. What heads and orders come to is worked
out beforehand; the ledger's rows are decoded from the Lambda event as ours decodes them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import Cursor

from bench.consumer.feed import Feed
from bench.consumer.rows import (
    HEAD_TYPES,
    LEDGER_TYPES,
    ORDER_COLUMNS,
    ORDER_TYPES,
    ledger_row,
    order_row,
)
from bench.workload import Workload
from consumer.arrivals import Arrival, read_batch
from consumer.orders import Orders, OrderState
from consumer.sql import read_statements

_SQL = read_statements(Path(__file__).with_name("peers.sql"))

Rows = Sequence[Sequence[Any]]


class Given(NamedTuple):
    """A Lambda event, and the rows of heads and orders that it leads to."""

    event: dict[str, Any]
    heads: Rows
    orders: Rows


class Copying:
    """Three COPYs and a commit."""

    def __init__(self, connection: psycopg.Connection[Any], feed: Feed) -> None:
        self._connection = connection
        self._feed = feed
        self._projection = Orders()
        self._states: dict[str, OrderState] = {}

    def prepare(self, turn: int) -> Given:  # noqa: ARG002 - turns come one by one
        event = self._feed.batch()
        last: dict[str, Arrival] = {}
        for record in read_batch(event):
            for arrival in record.arrivals:
                order_id = str(arrival.order_id)
                before = self._states.get(order_id)
                self._states[order_id] = self._projection.apply(before, arrival.event)  # type: ignore[arg-type] # readable
                last[order_id] = arrival
        rows = [order_row(self._states[order_id]) for order_id in sorted(last)]
        return Given(
            event,
            [_head_row(order_id, last[order_id]) for order_id in sorted(last)],
            [[row[name] for name in ORDER_COLUMNS] for row in rows],
        )

    def work(self, given: Given, /) -> int:
        ledger = [
            tuple(ledger_row(arrival).values())
            for record in read_batch(given.event)
            for arrival in record.arrivals
        ]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            _copy(cursor, "copy_ledger", LEDGER_TYPES, ledger)
            _copy(cursor, "copy_heads", HEAD_TYPES, given.heads)
            _copy(cursor, "copy_orders", ORDER_TYPES, given.orders)
        return len(ledger)


def _head_row(order_id: str, arrival: Arrival) -> Sequence[Any]:
    at = arrival.position
    number = Decimal(at.sequence_number)
    return (order_id, True, arrival.version, number, at.sub_sequence_number, "open")


def _copy(
    cursor: Cursor[Any], statement: str, types: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    with cursor.copy(_SQL[statement]) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


@contextmanager
def start(*, database_url: str, workload: Workload, batch: int) -> Iterator[Copying]:
    """With tables of its own for heads and orders; see `bound_tables`."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_SQL["bound_tables"])
        yield Copying(connection, Feed(workload, batch))
