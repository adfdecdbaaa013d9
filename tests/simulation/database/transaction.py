"""One transaction of the imagined PostgreSQL: READ COMMITTED, statement by statement.

A statement runs in one moment and sees what is committed then and what its own transaction wrote;
where it waits for a lock, it goes on with the row as it is afterwards. That is what READ COMMITTED
promises of statements that lock, insert or look up rows one by one (PostgreSQL manual, 13.2.1).
The statements that would see more than that are the ones that lock and join at once; there are
none, and `Statements` reads before it waits where it is told to be such a one.
"""

from collections.abc import Hashable, Iterator
from typing import Protocol

from psycopg import errors

from tests.simulation.database.locks import Locks, Row
from tests.simulation.database.tables import INDEXES, Change, Key, Tables, Values


class Clocked(Protocol):
    """What a transaction needs of its server. Times in milliseconds."""

    tables: Tables
    locks: Locks
    started_at: int

    @property
    def now(self) -> int: ...


class Transaction:
    """Reads and writes rows under locks; `commit` and `rollback` end it."""

    def __init__(self, server: "Clocked", *, read_only: bool = False) -> None:
        self._server = server
        self._tables = server.tables
        self._locks = server.locks
        self._written: dict[str, dict[Key, Values | None]] = {}
        self._locked: list[Row] = []
        self.read_only = read_only
        self.failed = False
        self.ended = False

    # ------------------------------------------------------------------------ reading

    def get(self, name: str, key: Key) -> Values | None:
        written = self._written.get(name)
        if written is not None and key in written:
            return written[key]
        return self._tables.table(name).get(key)

    def group(self, name: str, value: Hashable) -> Iterator[tuple[Key, Values]]:
        """The rows of one group, those that this transaction added last."""
        written = self._written.get(name, {})
        for key in self._tables.group(name, value):
            row = written[key] if key in written else self._tables.table(name)[key]
            if row is not None:
                yield key, row
        column = Tables.GROUPED[name]
        for key, row in written.items():
            if row is not None and row[column] == value and key not in self._tables.table(name):
                yield key, row

    def all(self, name: str) -> list[tuple[Key, Values]]:
        """Every row of a small table, in the order in which they came."""
        written = self._written.get(name, {})
        rows = {**self._tables.table(name), **written}
        return [(key, row) for key, row in rows.items() if row is not None]

    def now(self) -> int:
        """`clock_timestamp()`."""
        return self._server.now

    def started(self) -> int:
        """`pg_postmaster_start_time()`."""
        return self._server.started_at

    # ------------------------------------------------------------------------ writing

    def lock(self, name: str, key: Key) -> Values | None:
        """Lock a committed row (or one's own), and read it as it is then."""
        self._check_writable()
        if self.get(name, key) is None:
            return None
        self._take((name, key))
        return self.get(name, key)

    def insert(self, name: str, key: Key, row: Values) -> bool:
        """Add a row unless there is one with that key; waits for whoever is about to add it."""
        self._check_writable()
        while True:
            if self.get(name, key) is not None:
                return False
            if self._locks.holder((name, key)) in (None, self):
                break
            self._locks.wait(self, (name, key))
        self._take((name, key))
        self._write(name, key, row)
        return True

    def update(self, name: str, key: Key, changes: Values) -> bool:
        """Change columns of a row, if it is there."""
        row = self.lock(name, key)
        if row is None:
            return False
        self._write(name, key, row | changes)
        return True

    def delete(self, name: str, key: Key) -> Values | None:
        """Remove a row and return it, if it is there."""
        row = self.lock(name, key)
        if row is not None:
            self._write(name, key, None)
        return row

    def serial(self, name: str) -> int:
        return self._tables.serial(name)

    # ------------------------------------------------------------------------ the end

    def commit(self) -> list[Change]:
        """Show everybody what was written; returns what changed, indexes apart."""
        changes: list[Change] = []
        if not self.failed:
            for name, rows in self._written.items():
                for key, row in rows.items():
                    change = self._tables.put(name, key, row)
                    if name not in INDEXES and change[2] != change[3]:
                        changes.append(change)
        self._end()
        return changes

    def rollback(self) -> None:
        self._end()

    @property
    def wrote(self) -> bool:
        return bool(self._written)

    @property
    def waits(self) -> bool:
        """Whether a statement of it waits for a lock now."""
        return self._locks.waits_for_lock(self)

    def _end(self) -> None:
        self.ended = True
        self._locks.release(self, self._locked)

    def _take(self, row: Row) -> None:
        if self._locks.take(self, row):
            self._locked.append(row)

    def _write(self, name: str, key: Key, row: Values | None) -> None:
        written = self._written.get(name)
        if written is None:
            written = self._written[name] = {}
        written[key] = row

    def _check_writable(self) -> None:
        if self.read_only:
            raise errors.ReadOnlySqlTransaction("cannot execute in a read-only transaction")
