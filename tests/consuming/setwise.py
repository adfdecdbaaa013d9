"""The tests' projection as a projection should be: one statement to load, one to save."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.consuming.journal import Journal


class Setwise(Journal):
    """A journal that is read and written with arrays."""

    def load(self, cursor: Any, order_ids: Sequence[str]) -> dict[str, list[str]]:
        cursor.execute(
            "select journal.order_id, journal.seen from unnest(%b::text[]) as asked (order_id)"
            " cross join lateral"
            " (select * from journal where journal.order_id = asked.order_id) as journal",
            [list(order_ids)],
        )
        return dict(cursor.fetchall())

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        cursor.execute(
            "insert into journal select order_id, string_to_array(seen, ' ')"
            " from unnest(%b::text[], %b::text[]) as state (order_id, seen)"
            " on conflict (order_id) do update set seen = excluded.seen",
            [list(states), [" ".join(seen) for seen in states.values()]],
        )
