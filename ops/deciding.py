"""Carries out an operator's decision: under the head's lock, in one transaction, on the record."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from psycopg import Cursor

from consumer.arrivals import read_event
from consumer.database import Database
from consumer.order import Head, Waiting
from consumer.redrive.lots import Bound, Lots, UnknownOrder, entry_of
from consumer.rows import storable
from consumer.sql import read_statements
from consumer.store import Store
from contract import InorderError
from ops import decisions
from ops.decisions import Decision, Refused, Situation

_SQL = read_statements(Path(__file__).with_name("queries.sql"))


class UnknownEntry(InorderError):
    """There is no such entry in the parking lot (any more)."""

    def __init__(self, entry_id: int) -> None:
        super().__init__(f"there is no entry {entry_id} in the parking lot (any more)")


class Reasoned(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides, and why."""

    who: str
    because: str


def skip(
    database: Database, entry_id: int, reasoned: Reasoned, *, version: int | None = None
) -> Decision:
    """Drop an entry. Raises `UnknownEntry`, `Refused`, `psycopg.Error`."""
    with _deciding(database) as desk:
        entry, situation = desk.entry(entry_id, version)
        decision = decisions.skip(situation, entry, version=version)
        desk.write("skip", situation, decision, reasoned, entry)
        return decision


def edit(database: Database, entry_id: int, raw: bytes | None, reasoned: Reasoned) -> Decision:
    """Put these bytes into an entry, or with None those that it has; raises as `skip`."""
    with _deciding(database) as desk:
        entry, _ = desk.entry(entry_id, None)
        before = entry.arrival
        arrival = read_event(
            before.raw if raw is None else raw,
            position=before.position,
            partition_key=before.partition_key,
        )
        entry, situation = desk.entry(entry_id, arrival.version)
        decision = decisions.edit(situation, entry, arrival)
        desk.write("edit", situation, decision, reasoned, entry)
        return decision


def close_gap(database: Database, order_id: str, up_to: int, reasoned: Reasoned) -> Decision:
    """Pass over the missing versions up to this one. Raises `UnknownOrder` and as `skip`."""
    with _deciding(database) as desk:
        situation = desk.order(order_id)
        decision = decisions.close_gap(situation, up_to)
        desk.write("close_gap", situation, decision, reasoned, None)
        return decision


def import_heads(
    database: Database, versions: Sequence[tuple[str, int]], reasoned: Reasoned
) -> list[tuple[str, str]]:
    """Let orders begin after these versions; returns those that were refused, with the reason.

    One transaction for all that are given: give some hundreds at a time.
    """
    refused: list[tuple[str, str]] = []
    with _deciding(database) as desk:
        desk.add_heads([order_id for order_id, _ in versions])
        for order_id, version in sorted(versions):
            situation = desk.order(order_id)
            try:
                decision = decisions.import_head(situation, version)
            except Refused as error:
                refused.append((order_id, str(error)))
            else:
                desk.write("import_head", situation, decision, reasoned, None)
    return refused


@contextmanager
def _deciding(database: Database) -> Iterator["_Desk"]:
    database.open()
    with (
        database.transaction() as (store, users),
        users.connection.cursor(binary=True) as own,
    ):
        yield _Desk(store, own)


class _Desk:
    """Reads what a decision rests on, and writes it."""

    def __init__(self, store: Store, cursor: Cursor[Any]) -> None:
        self._store = store
        self._cursor = cursor
        self._lots = Lots(cursor)

    def add_heads(self, order_ids: Sequence[str]) -> None:
        """Give orders that nobody has seen a head, and lock them all, sorted."""
        self._store.lock(sorted(set(order_ids)))

    def entry(self, entry_id: int, version: int | None) -> tuple[Waiting, Situation]:
        """An entry and the situation of its order; `version` is the one it is to be."""
        asked = {"entry_id": entry_id}
        row = self._cursor.execute(_SQL["order_of_entry"], asked).fetchone()
        if row is None:
            raise UnknownEntry(entry_id)
        head = None if row[0] is None else self._lots.lock(row[0])
        found = self._cursor.execute(_SQL["read_entry"], asked).fetchone()
        if found is None:
            raise UnknownEntry(entry_id)
        entry = entry_of(found)
        wanted = entry.arrival.version if version is None else version
        return entry, self._situation(head, entry_id, wanted)

    def order(self, order_id: str) -> Situation:
        """The situation of an order; raises `UnknownOrder`."""
        head = self._lots.lock(order_id)
        if head is None:
            raise UnknownOrder(order_id)
        return self._situation(head, None, None)

    def write(
        self,
        action: str,
        situation: Situation,
        decision: Decision,
        reasoned: Reasoned,
        entry: Waiting | None,
    ) -> None:
        """The decision's rows, and the record of it."""
        before, after = situation.head, decision.head
        if before is not None and decision.passed_over:
            self._pass_over(before.order_id, decision, reasoned, entry)
        if decision.removed is not None:
            self._cursor.execute(_SQL["remove"], {"entry_id": decision.removed.entry_id})
        if decision.edited is not None:
            self._cursor.execute(_SQL["replace"], _replaced(decision.edited))
        if after is not None:
            head = _head_row(after, decision.ledger_from, decided=entry is not None)
            self._cursor.execute(_SQL["move_head"], head)
        self._cursor.execute(_SQL["record"], _record(action, before, after, reasoned, entry))

    def _situation(self, head: Head | None, entry_id: int | None, version: int | None) -> Situation:
        if head is None:
            return Situation(head=None)
        asked = {
            "order_id": head.order_id,
            "ordinal": head.ordinal,
            "entry_id": entry_id,
            "version": version,
        }
        row = self._cursor.execute(_SQL["situation"], asked).fetchone() or (0, None, False)
        blockers, lowest, claimed = row
        return Situation(
            head=head,
            first=self._lots.first(head, Bound(entries=2)).entries,
            blockers=blockers,
            lowest=lowest,
            claimed=claimed,
        )

    def _pass_over(
        self, order_id: str, decision: Decision, reasoned: Reasoned, entry: Waiting | None
    ) -> None:
        self._cursor.execute(
            _SQL["pass_over"],
            {
                "order_id": order_id,
                "ordinals": list(decision.passed_over),
                "because": storable(reasoned.because),
                **_position(entry),
            },
        )


def _replaced(entry: Waiting) -> dict[str, Any]:
    event = entry.arrival.event
    return {
        "entry_id": entry.entry_id,
        "payload": entry.arrival.raw,
        "id": event and event.id,
        "version": entry.arrival.version,
        "digest": entry.arrival.digest,
        "rank": entry.rank,
        "kind": str(entry.kind),
        "reason": str(entry.failure.reason),
        "detail": entry.failure.detail,
    }


def _head_row(head: Head, ledger_from: int | None, *, decided: bool) -> dict[str, Any]:
    return {
        "order_id": head.order_id,
        "versioned": head.versioned,
        "ordinal": head.ordinal,
        "state": str(head.state),
        "ledger_from": ledger_from,
        "decided": decided,
    }


def _record(
    action: str, before: Head | None, after: Head | None, reasoned: Reasoned, entry: Waiting | None
) -> dict[str, Any]:
    moved = before is not None and after is not None and after.ordinal != before.ordinal
    return {
        "action": action,
        "decided_by": storable(reasoned.who),
        "because": storable(reasoned.because),
        "order_id": before and before.order_id,
        "state_before": before and str(before.state),
        "ordinal_before": before and before.ordinal,
        "up_to": after.ordinal if after is not None and moved else None,
        **_identity(entry),
        **_position(entry),
    }


def _identity(entry: Waiting | None) -> dict[str, Any]:
    """The event as it is before the decision."""
    arrival = None if entry is None else entry.arrival
    event = None if arrival is None else arrival.event
    return {
        "entry_id": entry and entry.entry_id,
        "id": event and event.id,
        "version": event and event.version,
        "digest": arrival.digest if arrival is not None and event is not None else None,
        "payload": arrival and arrival.raw,
        "reason": entry and str(entry.failure.reason),
        "detail": entry and storable(entry.failure.detail),
    }


def _position(entry: Waiting | None) -> dict[str, Any]:
    at = None if entry is None else entry.arrival.position
    return {
        "sequence_number": None if at is None else Decimal(at.sequence_number),
        "sub_sequence_number": None if at is None else at.sub_sequence_number,
    }
