"""A projection whose table has opinions, and that fails as its events tell it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from contract import Event

SCHEMA = """
create table amount (
    order_id text collate "C" primary key,
    total    numeric(6, 2) not null check (total >= 0),
    note     varchar(20)   not null,
    -- Checked at commit, as a foreign key between a user's tables may be.
    owner    text references amount (order_id) deferrable initially deferred
)
"""


class Checked:
    """Keeps the sum of an order's amounts. An event's data say what goes wrong, and where."""

    def load(self, cursor: Any, order_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        cursor.execute(
            "select order_id, total, note, owner from amount where order_id = any(%s)",
            [list(order_ids)],
        )
        rows = {o: {"total": t, "note": n, "owner": w} for o, t, n, w in cursor.fetchall()}
        for row in rows.values():
            if row["note"] == "unloadable":
                raise KeyError("what the row says makes no sense")
            if row["note"] == "divided":
                cursor.execute("select 1 / 0")
        return rows

    def apply(self, state: dict[str, Any] | None, event: Event) -> dict[str, Any]:
        before = state or {"total": Decimal(0), "note": "", "owner": None}
        return (
            before
            | {"total": before["total"] + Decimal(event.data.get("amount", "0"))}
            | {name: value for name, value in event.data.items() if name in ("note", "owner")}
        )

    def save(self, cursor: Any, states: Mapping[str, dict[str, Any]]) -> None:
        for row in states.values():
            if row["note"] == "unsavable":
                raise ValueError("what the row would say makes no sense")
        cursor.executemany(
            "insert into amount (order_id, total, note, owner)"
            " values (%(order_id)s, %(total)s, %(note)s, %(owner)s)"
            " on conflict (order_id) do update set total = excluded.total, note = excluded.note,"
            " owner = excluded.owner",
            [row | {"order_id": order_id} for order_id, row in states.items()],
        )
