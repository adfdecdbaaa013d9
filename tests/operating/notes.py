"""A projection for the tests: every order's applied events by name, in a table of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Cursor

from consumer.projection import Rejected
from contract import Event

TABLE = "create table notes (order_id text primary key, names text[] not null)"


class Notes:
    """Refuses events of the types in `refuses`, fails in `apply` for those in `breaks`, and lets
    PostgreSQL refuse to save those in `unstorable`. A test changes the sets to deploy a fix.
    """

    def __init__(self) -> None:
        self.refuses = {"refuse"}
        self.breaks: set[str] = set()
        self.unstorable: set[str] = set()

    def load(self, cursor: Cursor[Any], order_ids: Sequence[str]) -> dict[str, list[str]]:
        cursor.execute("select * from notes where order_id = any(%s)", [list(order_ids)])
        return dict(cursor.fetchall())

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        names = state or []
        if event.type in self.breaks:
            names.append("half an event")
            raise RuntimeError("the projection is broken")
        if event.type in self.refuses:
            raise Rejected(f"type {event.type} is refused")
        unstorable = event.type in self.unstorable
        return [*names, "\0" if unstorable else str(event.data.get("name", event.version))]

    def save(self, cursor: Cursor[Any], states: Mapping[str, list[str]]) -> None:
        for order_id, names in states.items():
            cursor.execute(
                "insert into notes values (%s, %s) "
                "on conflict (order_id) do update set names = excluded.names",
                [order_id, names],
            )
