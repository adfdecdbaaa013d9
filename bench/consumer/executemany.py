"""`executemany` per batch: what somebody does who has noticed that a transaction per event is slow.

One transaction: which events are known, the orders, the fold in memory, and an `executemany` for
ledger, orders and heads (psycopg sends each in one go). Idempotent; decides nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row

from bench.consumer.feed import Feed
from bench.consumer.rows import ledger_row, order_row
from bench.workload import Workload
from consumer.arrivals import read_batch
from consumer.orders import Orders, OrderState
from consumer.sql import read_statements

_SQL = read_statements(Path(__file__).with_name("peers.sql"))


class ExecuteMany:
    """A batch at a time, a row at a time."""

    def __init__(self, connection: psycopg.Connection[Any], feed: Feed) -> None:
        self._connection = connection
        self._feed = feed
        self._projection = Orders()

    def prepare(self, turn: int) -> dict[str, Any]:  # noqa: ARG002 - turns come one by one
        return self._feed.batch()

    def work(self, event: dict[str, Any], /) -> int:
        rows = {
            (row["order_id"], row["id"]): (arrival.event, row)
            for record in read_batch(event)
            for arrival in record.arrivals
            for row in (ledger_row(arrival),)
        }
        with self._connection.transaction(), self._connection.cursor() as cursor:
            asked = {"order_ids": [o for o, _ in rows], "ids": [i for _, i in rows]}
            for known in cursor.execute(_SQL["known"], asked).fetchall():
                rows.pop(known)
            states = self._orders(list({order_id for order_id, _ in rows}))
            heads = {}
            for (order_id, _), (each, row) in rows.items():
                states[order_id] = self._projection.apply(states.get(order_id), each)  # type: ignore[arg-type] # readable
                heads[order_id] = row
            cursor.executemany(_SQL["ledger"], [row for _, row in rows.values()])
            cursor.executemany(_SQL["save"], [order_row(states[o]) for o in sorted(states)])
            cursor.executemany(_SQL["head"], [heads[o] for o in sorted(heads)])
        return len(event["Records"])

    def _orders(self, order_ids: list[str]) -> dict[str, OrderState]:
        with self._connection.cursor(row_factory=class_row(OrderState)) as cursor:
            cursor.execute(_SQL["orders"], {"order_ids": order_ids})
            return {state.order_id: state for state in cursor}


@contextmanager
def start(*, database_url: str, workload: Workload, batch: int) -> Iterator[ExecuteMany]:
    """On a connection as ours has it: RDS Proxy would pin prepared statements."""
    with psycopg.connect(database_url, autocommit=True, prepare_threshold=None) as connection:
        yield ExecuteMany(connection, Feed(workload, batch))
