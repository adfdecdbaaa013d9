"""Markers and the stop of a code version, in statements that commit each on its own."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Cursor

from consumer.sql import read_statements
from consumer.suspicion import Marker, Span

_SQL = read_statements(Path(__file__).with_name("deliveries.sql"))


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment is about to do, and the `seconds` its invocation has left."""

    environment: UUID
    span: Span
    seconds: float


class Deliveries:
    """The table of markers through a cursor that returns binary tuples."""

    def __init__(self, cursor: Cursor[Any]) -> None:
        self._cursor = cursor

    def begin(self, mark: Mark) -> list[Marker]:
        """Write the environment's marker; the others' markers of this part of the shard, or of
        redrives of this order.
        """
        rows = self._cursor.execute(_SQL["begin"], _row(mark)).fetchall()
        return [_marker(row) for row in rows]

    def end(self, environment: UUID, settled: Sequence[UUID] = ()) -> None:
        """The invocation ended in order; the markers of `settled` say nothing any more."""
        self._cursor.execute(_SQL["end"], {"environment": environment, "settled": list(settled)})

    def die(self, environment: UUID) -> None:
        """The process is about to end because of what its marker names."""
        self._cursor.execute(_SQL["die"], {"environment": environment})

    def stop(self, version: str, orders: Sequence[str]) -> None:
        """A version of the code failed these orders and is stopped."""
        self._cursor.execute(_SQL["stop"], {"version": version, "orders": list(orders)})


def _row(mark: Mark) -> dict[str, Any]:
    return {
        "environment": mark.environment,
        "shard": mark.span.shard,
        "first": _numeric(mark.span.first),
        "last": _numeric(mark.span.last),
        "order_id": mark.span.order_id,
        "seconds": mark.seconds,
    }


def _numeric(sequence_number: int | None) -> Decimal | None:
    return None if sequence_number is None else Decimal(sequence_number)


def _marker(row: Sequence[Any]) -> Marker:
    environment, shard, first, last, order_id, dead = row
    return Marker(
        environment=environment,
        span=Span(
            shard=shard,
            first=None if first is None else int(first),
            last=None if last is None else int(last),
            order_id=order_id,
        ),
        dead=dead,
    )
