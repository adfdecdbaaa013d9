"""A projection that writes down what it was given, and behaves as badly as it may meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any

from consumer.projection import Rejected
from contract import Event
from tests.consuming.events import REFUSED

SCHEMA = """
create table journal (order_id text collate "C" primary key, seen text[] not null)
"""


class Journal:
    """Keeps the ids of an order's events in the order in which they were applied.

    It changes the state it is given before it looks whether it wants the event at all.
    """

    def load(self, cursor: Any, order_ids: Sequence[str]) -> dict[str, list[str]]:
        cursor.execute(
            "select order_id, seen from journal where order_id = any(%s)", [list(order_ids)]
        )
        return dict(cursor.fetchall())

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        state = [] if state is None else state
        state.append(str(event.id))
        if event.type == REFUSED:
            raise Rejected("the journal refuses it")
        return state

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        cursor.executemany(
            "insert into journal values (%s, %s)"
            " on conflict (order_id) do update set seen = excluded.seen",
            list(states.items()),
        )


class JournalInMemory(Journal):
    """The same where the cursor is a dictionary."""

    def load(self, cursor: dict[str, list[str]], order_ids: Sequence[str]) -> dict[str, list[str]]:
        return {order_id: list(cursor[order_id]) for order_id in order_ids if order_id in cursor}

    def save(self, cursor: dict[str, list[str]], states: Mapping[str, list[str]]) -> None:
        cursor.update({order_id: list(seen) for order_id, seen in states.items()})
