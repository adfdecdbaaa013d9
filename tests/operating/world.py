"""A database with orders in it, live traffic, and whoever operates it."""

import time
from collections.abc import Callable
from typing import Any

import psycopg

from consumer.arrivals import read_batch
from consumer.attempts import Attempts
from consumer.batch import Applied, apply_batch
from consumer.database import Database
from consumer.delivery import Unmarked
from consumer.deploys import Code
from consumer.redrive.lots import Bound
from consumer.redrive.orders import Redriven, Which, redrive_order, redrive_orders
from consumer.redrive.replay import Means
from consumer.settings import Settings
from contract import Event
from tests.consuming.batches import batch_of
from tests.operating.notes import TABLE, Notes


class World:
    """Live traffic and redrive over one database, each on a connection of its own."""

    def __init__(self, database_url: str) -> None:
        self.url = database_url
        self.notes = Notes()
        self.sql = psycopg.connect(database_url, autocommit=True)
        self.sql.execute(TABLE)
        self._live = Database(Settings(database_url=database_url))
        self.database = Database(Settings(database_url=database_url))
        self._next = 1

    def close(self) -> None:
        for connection in (self._live, self.database, self.sql):
            connection.close()

    def live(self, *events: Event | bytes, at: int | None = None, key: str = "A") -> Applied:
        """Deliver a batch: at the sequence numbers that come next, or from `at` on."""
        start = self._next if at is None else at
        if at is None:
            self._next += len(events)
        applied = apply_batch(
            read_batch(batch_of(events, start=start, key=key)),
            self.attempts(self._live),
            chunk_events=10_000,
            drain=100,
        )
        assert applied.checkpoint is None, applied.problem
        return applied

    def redrive(self, order_id: str = "A", *, dry_run: bool = False, **bound: int) -> Redriven:
        return redrive_order(self.means(**bound), order_id, dry_run=dry_run)

    def redrive_all(self, **which: Any) -> list[Redriven]:
        return list(redrive_orders(self.means(), Which(**which)))

    def means(self, attempts: Attempts | None = None, **bound: int) -> Means:
        used = attempts or self.attempts()
        return Means(used, Unmarked(used), Bound(**bound))

    def attempts(
        self,
        database: Database | None = None,
        remaining: Callable[[], float] | None = None,
        code: Code | None = None,
    ) -> Attempts:
        end = time.monotonic() + 60
        return Attempts(
            database or self.database,
            self.notes,
            remaining or (lambda: end - time.monotonic()),
            0.0,
            code,
        )

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.sql.execute(query, parameters).fetchall()

    def head(self, order_id: str = "A") -> tuple[str, int]:
        """State and ordinal."""
        ((state, ordinal),) = self.rows(
            "select state, ordinal from inorder.head where order_id = %s", order_id
        )
        return state, ordinal

    def names(self, order_id: str = "A") -> list[str]:
        """What the projection has of the order."""
        return next(iter(self.rows("select names from notes where order_id = %s", order_id)), [[]])[
            0
        ]

    def lot(self, order_id: str | None = "A") -> list[tuple[Any, ...]]:
        """Kind, reason, attempts and rank of every entry, in redrive order."""
        return self.rows(
            "select kind, reason, attempts, rank from inorder.parking_lot "
            "where order_id is not distinct from %s order by rank, entry_id",
            order_id,
        )

    def entries(self, order_id: str | None = "A") -> list[int]:
        """The ids of the order's entries, in redrive order."""
        found = self.rows(
            "select entry_id from inorder.parking_lot "
            "where order_id is not distinct from %s order by rank, entry_id",
            order_id,
        )
        return [row[0] for row in found]
