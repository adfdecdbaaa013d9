"""An order's head and lot as a redrive reads and writes them: the statements, nothing decided."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from psycopg import Cursor

from consumer.arrivals import read_event
from consumer.order import Decided, Fact, Failure, Head, Kind, Reason, State, Waiting
from consumer.redrive.turn import Lot, Turn
from consumer.rows import Beside, storable
from consumer.sql import read_statements
from consumer.store import Store
from contract import InorderError, Position

_SQL = read_statements(Path(__file__).with_name("queries.sql"))


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """How much one transaction takes: entries, and bytes of payload after the first entry."""

    entries: int = 200
    bytes: int = 16 * 1024 * 1024


class UnknownOrder(InorderError):
    """No event of this order was ever seen."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"no event of order {order_id!r} was ever seen")


class Lots:
    """Heads and lots through one cursor, which returns binary tuples."""

    def __init__(self, cursor: Cursor[Any]) -> None:
        self._cursor = cursor

    def lock(self, order_id: str) -> Head | None:
        """The order's head, locked; None for an order that nobody has seen."""
        row = self._cursor.execute(_SQL["lock_head"], {"order_id": order_id}).fetchone()
        if row is None:
            return None
        _, versioned, ordinal, sequence_number, sub_sequence_number, state, decided = row
        return Head(
            order_id=order_id,
            versioned=versioned,
            ordinal=ordinal,
            position=_position(sequence_number, sub_sequence_number),
            state=State(state),
            decided=decided,
        )

    def first(self, head: Head, bound: Bound) -> Lot:
        """The first entries of the lot and what is known about them. Ask under the head's lock."""
        asked = {"order_id": head.order_id}
        limits = {"entries": bound.entries, "bytes": bound.bytes}
        entries = [
            entry_of(row) for row in self._cursor.execute(_SQL["first_entries"], asked | limits)
        ]
        if not entries:
            return Lot(head=head, entries=())
        last = {"rank": entries[-1].rank, "entry_id": entries[-1].entry_id}
        behind = self._cursor.execute(_SQL["behind"], asked | last).fetchone() or (False, False)
        return Lot(
            head=head,
            entries=tuple(entries),
            more=behind[0],
            blocked_behind=behind[1],
            facts=self._facts(head, entries),
            highest_applied=self._highest_applied(head, entries),
        )

    def write(self, store: Store, turn: Turn, beside: Beside) -> None:
        """Everything that the turn decided; `store` writes what live traffic writes too."""
        refused = () if turn.refused is None else (turn.refused,)
        store.write(
            [Decided(head=turn.head, applied=turn.applied, drained=turn.removed, refused=refused)],
            (),
            beside,
        )
        if turn.moved is not None:
            self.move(turn.moved)

    def move(self, entry: Waiting) -> None:
        """Write an entry's place, and the identity that its bytes have now."""
        event = entry.arrival.event
        self._cursor.execute(
            _SQL["move"],
            {
                "entry_id": entry.entry_id,
                "rank": entry.rank,
                "kind": str(entry.kind),
                "reason": str(entry.failure.reason),
                "detail": storable(entry.failure.detail),
                "id": event and event.id,
                "version": entry.arrival.version,
                "digest": entry.arrival.digest if event else None,
            },
        )

    def count_attempt(self, entry: Waiting, before: Reason) -> None:
        """The entry, which was in the lot for the reason `before`, was tried and failed."""
        self._cursor.execute(
            _SQL["count_attempt"], {"entry_id": entry.entry_id, "before": str(before)}
        )

    def announce(self, order_id: str, code_version: str) -> bool:
        """Count the attempt of this code if the order's first entry is a killer, and say whether
        it is.
        """
        asked = {"order_id": order_id, "code_version": code_version}
        return self._cursor.execute(_SQL["announce"], asked).fetchone() is not None

    def first_position(self, order_id: str) -> Position | None:
        """Where the first entry of a lot stands on the stream; None if there is none."""
        row = self._cursor.execute(_SQL["first_position"], {"order_id": order_id}).fetchone()
        return None if row is None else _position(*row)

    def _facts(self, head: Head, entries: Sequence[Waiting]) -> tuple[Fact, ...]:
        events = [entry.arrival.event for entry in entries if entry.arrival.event is not None]
        asked = {
            "order_id": head.order_id,
            "ids": [event.id for event in events],
            "versions": [event.version for event in events if event.version is not None],
        }
        rows = self._cursor.execute(_SQL["facts"], asked)
        return tuple(
            Fact(id_, ordinal if head.versioned else None, digest) for id_, ordinal, digest in rows
        )

    def _highest_applied(self, head: Head, entries: Sequence[Waiting]) -> Position | None:
        if all(entry.failure.reason is not Reason.OVERTAKEN for entry in entries):
            return None
        asked = {"order_id": head.order_id}
        row = self._cursor.execute(_SQL["highest_applied"], asked).fetchone()
        return None if row is None else _position(*row)


def parked_orders(
    cursor: Cursor[Any],
    *,
    which: str,
    reason: str | None,
    code_version: str,
    after: str,
    limit: int,
) -> list[str]:
    """A page of parked orders; `which` is `all`, `reason`, `drainable` or `outdated`."""
    asked = {
        "which": which,
        "reason": reason,
        "code_version": code_version,
        "after": after,
        "limit": limit,
    }
    return [row[0] for row in cursor.execute(_SQL["parked_orders"], asked)]


def _position(sequence_number: Any, sub_sequence_number: Any) -> Position | None:
    if sequence_number is None:
        return None
    return Position(int(sequence_number), sub_sequence_number)


def entry_of(row: Sequence[Any]) -> Waiting:
    """An entry out of a row as the statements `first_entries` and `read_entry` have it."""
    entry_id, rank, kind, partition_key, sequence_number, sub, payload, reason, detail = row
    return Waiting(
        arrival=read_event(
            payload, position=Position(int(sequence_number), sub), partition_key=partition_key
        ),
        rank=rank,
        kind=Kind(kind),
        failure=Failure(Reason(reason), detail),
        entry_id=entry_id,
    )
