"""Tables with committed rows, and what a transaction has written that nobody else sees yet.

Rows are frozen by convention: a change makes a new dictionary. Keys are the primary keys, and for
every unique index there is a table of its own whose row is the primary key it leads to.
"""

from collections.abc import Hashable, Iterator
from typing import Any, TypeAlias

Key: TypeAlias = Any
Values: TypeAlias = dict[str, Any]
Change: TypeAlias = tuple[str, Key, Values | None, Values | None]
"""A table's name, the row's key, the row before and after; None where there is none."""

INDEXES = frozenset({"ledger_by_id", "lot_by_place"})
"""Tables that are unique indexes: written and locked as tables are, but nobody's facts."""


class Tables:
    """What is committed. `groups` finds rows of a table by the column they are grouped by."""

    GROUPED = {"ledger": "order_id", "lot": "order_id"}  # noqa: RUF012 - never changed

    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Values]] = {}
        self.groups: dict[str, dict[Hashable, dict[Key, None]]] = {}
        self._serials: dict[str, int] = {}

    def table(self, name: str) -> dict[Key, Values]:
        found = self.rows.get(name)
        if found is None:
            found = self.rows[name] = {}
        return found

    def serial(self, name: str) -> int:
        """The next number of a sequence; as in PostgreSQL, no rollback gives it back."""
        self._serials[name] = self._serials.get(name, 0) + 1
        return self._serials[name]

    def put(self, name: str, key: Key, row: Values | None) -> Change:
        table = self.table(name)
        before = table.get(key)
        column = self.GROUPED.get(name)
        if row is None:
            table.pop(key, None)
            if column is not None and before is not None:
                del self.groups[name][before[column]][key]
        else:
            table[key] = row
            if column is not None and before is None:
                groups = self.groups.setdefault(name, {})
                groups.setdefault(row[column], {})[key] = None
        return name, key, before, row

    def group(self, name: str, value: Hashable) -> Iterator[Key]:
        return iter(self.groups.get(name, {}).get(value, ()))

    def clear(self, name: str) -> None:
        self.rows[name] = {}
