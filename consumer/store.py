"""Ledger, heads and parking lot inside one transaction: the statements, nothing decided."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Cursor

from consumer.arrivals import Arrival, read_event
from consumer.deploys import Failing
from consumer.order import Decided, Fact, Failure, Head, Kind, Order, Reason, State, Waiting
from consumer.sql import read_statements
from contract import Position

_SQL = read_statements(Path(__file__).with_name("queries.sql"))

_DETAIL_CHARACTERS = 2_000

_DRAIN_BYTES = 4_000_000
"""Payload that one transaction takes out of one lot: a hundred of the largest events would not fit
into the memory of a small function."""


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction writes beside its decisions.

    `code_version` goes with what it parks; if it `succeeded` in applying an event, that version
    fails no longer. `ended` is the environment whose marker it takes back.
    """

    code_version: str = ""
    succeeded: bool = False
    ended: UUID | None = None


class Store:
    """The consumer's own tables through one cursor, which returns binary tuples."""

    def __init__(self, cursor: Cursor[Any]) -> None:
        self._cursor = cursor

    def lock(self, order_ids: Sequence[str]) -> dict[str, Head]:
        """The heads of these orders, made where missing and locked; `order_ids` come sorted.

        Two statements: one that inserts and locks would read heads as they were before it waited.
        """
        self._cursor.execute(_SQL["add_heads"], {"order_ids": order_ids})
        self._cursor.execute(_SQL["lock_heads"], {"order_ids": order_ids})
        return {row[0]: _head(row) for row in self._cursor}

    def look_up(
        self, heads: Mapping[str, Head], lanes: Mapping[str, Sequence[Arrival]], *, drain: int
    ) -> dict[str, Order]:
        """What is known about the lanes' events, and of each lot one entry more than `drain`.

        One statement for orders that are open, three if any of them has events in its lot, and
        one for those of which an operator has skipped or edited events.
        """
        asked = _Asked(heads, lanes)
        facts: dict[str, list[Fact]] = {order_id: [] for order_id in heads}
        positions: dict[str, set[Position]] = {}
        lots: dict[str, list[Any]] = {}
        for order_id, id_, ordinal, digest in self._cursor.execute(
            _SQL["facts_in_ledger"], asked.of_ledger()
        ):
            version = ordinal if heads[order_id].versioned else None
            facts[order_id].append(Fact(id_, version, digest))
        settled: dict[str, list[Fact]] = {}
        decided = [order_id for order_id, head in heads.items() if head.decided]
        if decided:
            for row in self._cursor.execute(_SQL["settled"], {"order_ids": decided}):
                order_id, id_, version, digest, sequence_number, sub_sequence_number = row
                if digest is None:
                    position = Position(int(sequence_number), sub_sequence_number)
                    positions.setdefault(order_id, set()).add(position)
                else:
                    settled.setdefault(order_id, []).append(Fact(id_, version, digest))
        closed = [order_id for order_id, head in heads.items() if head.state is not State.OPEN]
        if closed:
            for row in self._cursor.execute(_SQL["facts_in_lot"], asked.of_lot(closed)):
                order_id, id_, version, digest, sequence_number, sub_sequence_number = row
                position = Position(int(sequence_number), sub_sequence_number)
                positions.setdefault(order_id, set()).add(position)
                facts[order_id].append(Fact(id_, version, digest))
            for row in self._cursor.execute(
                _SQL["waiting"],
                {"order_ids": closed, "limit": drain + 1, "bytes": _DRAIN_BYTES},
            ):
                lots.setdefault(row[0], []).append(row)
        return {
            order_id: Order(
                head=head,
                facts=tuple(facts[order_id]),
                settled=tuple(settled.get(order_id, ())),
                positions=frozenset(positions.get(order_id, ())),
                **_lot(lots.get(order_id, ())),
            )
            for order_id, head in heads.items()
        }

    def count_failing(self, version: str, order_ids: Sequence[str]) -> Failing:
        """Add orders to those that failed since this version of the code last applied an event.

        Whoever counts next for this version waits until this transaction has ended.
        """
        self._cursor.execute(_SQL["count_failing"], {"version": version, "orders": order_ids})
        (row,) = self._cursor.fetchall()
        return Failing(orders=tuple(row[0]), stopped=row[1])

    def write(
        self,
        decisions: Collection[Decided],
        strays: Iterable[Waiting],
        beside: Beside | None = None,
    ) -> None:
        """Everything that was decided: one statement, and one for each way the lot changes."""
        beside = beside or Beside()
        self._cursor.execute(
            _SQL["advance"],
            _ledger_rows(decisions) | _head_rows(decisions) | _beside_rows(beside),
        )
        parked = [entry for decided in decisions for entry in decided.parked]
        parked.extend(strays)
        if parked:
            version = {"code_version": beside.code_version}
            self._cursor.execute(_SQL["park"], _lot_rows(parked) | version)
        drained = [entry_id for decided in decisions for entry_id in decided.drained]
        if drained:
            self._cursor.execute(_SQL["unpark"], {"entry_ids": drained})
        refused = [entry for decided in decisions for entry in decided.refused]
        if refused:
            version = {"code_version": beside.code_version}
            self._cursor.execute(_SQL["refuse"], _refused_rows(refused) | version)


class _Asked:
    """The probes that a batch's events ask for, as parallel arrays."""

    def __init__(self, heads: Mapping[str, Head], lanes: Mapping[str, Sequence[Arrival]]) -> None:
        self._heads = heads
        self._lanes = lanes

    def of_ledger(self) -> dict[str, list[Any]]:
        """Every id, and the versions that the head has passed."""
        return self._identities(self._lanes, only_behind=True)

    def of_lot(self, order_ids: Iterable[str]) -> dict[str, list[Any]]:
        """Every id, version, and position of unreadable bytes."""
        lanes = {order_id: self._lanes[order_id] for order_id in order_ids}
        unreadable = [
            (order_id, arrival.position)
            for order_id, lane in lanes.items()
            for arrival in lane
            if arrival.event is None
        ]
        return self._identities(lanes, only_behind=False) | {
            "position_orders": [order_id for order_id, _ in unreadable],
            "sequence_numbers": [Decimal(position.sequence_number) for _, position in unreadable],
            "sub_sequence_numbers": [position.sub_sequence_number for _, position in unreadable],
        }

    def _identities(
        self, lanes: Mapping[str, Sequence[Arrival]], *, only_behind: bool
    ) -> dict[str, list[Any]]:
        id_orders, ids, version_orders, versions = [], [], [], []
        for order_id, lane in lanes.items():
            behind = self._heads[order_id].ordinal
            for arrival in lane:
                if arrival.event is None:
                    continue
                id_orders.append(order_id)
                ids.append(arrival.event.id)
                version = arrival.event.version
                if version is not None and (version <= behind or not only_behind):
                    version_orders.append(order_id)
                    versions.append(version)
        return {
            "id_orders": id_orders,
            "ids": ids,
            "version_orders": version_orders,
            "versions": versions,
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


def _ledger_rows(decisions: Iterable[Decided]) -> dict[str, list[Any]]:
    entries = [entry for decided in decisions for entry in decided.applied]
    arrivals = [entry.arrival for entry in entries]
    events = [arrival.event for arrival in arrivals if arrival.event is not None]
    return {
        "order_ids": [event.order_id for event in events],
        "ordinals": [entry.ordinal for entry in entries],
        "ids": [event.id for event in events],
        "digests": [arrival.digest for arrival in arrivals],
        "times": [event.time for event in events],
        "types": [event.type for event in events],
        "sources": [event.source for event in events],
        "sequence_numbers": [str(arrival.position.sequence_number) for arrival in arrivals],
        "sub_sequence_numbers": [arrival.position.sub_sequence_number for arrival in arrivals],
        "data": [arrival.data.decode() for arrival in arrivals],
    }


def _head_rows(decisions: Iterable[Decided]) -> dict[str, list[Any]]:
    heads = [decided.head for decided in decisions]
    at = [head.position for head in heads]
    return {
        "head_orders": [head.order_id for head in heads],
        "head_versioned": [head.versioned for head in heads],
        "head_ordinals": [head.ordinal for head in heads],
        "head_sequence_numbers": [p and str(p.sequence_number) for p in at],
        "head_sub_sequence_numbers": [p and p.sub_sequence_number for p in at],
        "head_states": [str(head.state) for head in heads],
    }


def _beside_rows(beside: Beside) -> dict[str, Any]:
    return {
        "succeeded": beside.code_version if beside.succeeded else None,
        "ended": beside.ended,
    }


def _lot_rows(entries: Sequence[Waiting]) -> dict[str, list[Any]]:
    arrivals = [entry.arrival for entry in entries]
    return {
        "order_ids": [arrival.order_id for arrival in arrivals],
        "ranks": [entry.rank for entry in entries],
        "kinds": [str(entry.kind) for entry in entries],
        "reasons": [str(entry.failure.reason) for entry in entries],
        "details": [storable(entry.failure.detail) for entry in entries],
        "ids": [arrival.event and arrival.event.id for arrival in arrivals],
        "versions": [arrival.version for arrival in arrivals],
        "digests": [arrival.digest if arrival.event else None for arrival in arrivals],
        "partition_keys": [storable(arrival.partition_key) for arrival in arrivals],
        "sequence_numbers": [Decimal(arrival.position.sequence_number) for arrival in arrivals],
        "sub_sequence_numbers": [arrival.position.sub_sequence_number for arrival in arrivals],
        "payloads": [arrival.raw for arrival in arrivals],
    }


def _refused_rows(entries: Sequence[Waiting]) -> dict[str, list[Any]]:
    return {
        "entry_ids": [entry.entry_id for entry in entries],
        "reasons": [str(entry.failure.reason) for entry in entries],
        "details": [storable(entry.failure.detail) for entry in entries],
    }


def storable(text: str) -> str:
    """Text that PostgreSQL takes whatever a producer wrote: what it cannot hold is escaped."""
    escaped = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    return escaped[:_DETAIL_CHARACTERS]
