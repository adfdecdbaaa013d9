"""psycopg's connection and cursor, as far as the consumer uses them, over the imagined server.

The network lies between them: every statement takes time, and `Wire` decides what becomes of it on
the way. A connection that broke is `closed`, and its session stays on the server until the server
notices.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Protocol, Self

import psycopg

from tests.simulation.database.server import Session
from tests.simulation.database.statement import Parameters, Rows
from tests.simulation.loop import Killed, Loop


class Wire(Protocol):
    """What the network and the world do to one process's messages. Times in milliseconds."""

    dead: bool
    """Whether the process at this end is gone."""

    def delay(self) -> int:
        """How long the next message takes."""
        ...

    def before(self, connection: "Connection", text: str) -> None:
        """A statement is about to reach the server; raises what becomes of it instead."""
        ...

    def loses_commit(self) -> tuple[bool, bool]:
        """Whether the next commit gets lost on its way, and whether its answer does."""
        ...

    def closed(self, connection: "Connection") -> None:
        """The client has closed the connection, or found it broken."""
        ...

    def notices_after(self) -> int:
        """How long the server takes to see that the other end is gone."""
        ...


class Connection:
    """One connection of one process."""

    waited, asked = 0.0, 0

    def __init__(self, loop: Loop, session: Session, wire: Wire) -> None:
        self._loop = loop
        self._session = session
        self._wire = wire
        self.closed = False
        self._posted: psycopg.Error | None = None
        self.refused: psycopg.Error | None = None

    def transaction(self) -> "Block":
        return Block(self)

    def cursor(self, *, binary: bool = False) -> "Cursor":
        return Cursor(self)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._wire.closed(self)
            if not self._wire.dead:
                self._session.end()

    def vanish(self) -> None:
        """The client's end is gone without a word; the server takes a while to notice."""
        if not self.closed:
            self.closed = True
            self._wire.closed(self)
            self._loop.after(self._wire.notices_after(), self._session.end)

    def cut(self) -> None:
        """Break the connection under whoever waits for it."""
        self._session.end()

    def broken(self, why: str = "server closed the connection unexpectedly") -> psycopg.Error:
        """Break the connection, seen from the client, and say so as psycopg does."""
        self.vanish()
        return psycopg.OperationalError(f"consuming input failed: {why}")

    # ---------------------------------------------------------------- what crosses the network

    def begin(self) -> None:
        self.settle()
        self._cross("begin")
        self._session.begin()

    def execute(self, text: str, parameters: Parameters) -> Rows:
        self.settle()
        self._cross(text)
        try:
            return self._session.execute(text, parameters)
        except psycopg.Error:
            if self._session.cut:
                raise self.broken() from None
            raise

    def post(self, text: str, parameters: Parameters) -> None:
        """As psycopg's with `Timed`: what became of it is known when it is settled."""
        self.settle()
        try:
            self.execute(text, parameters)
        except psycopg.Error as error:
            self._posted = error

    def settle(self) -> None:
        error, self._posted = self._posted, None
        if error is not None:
            self.refused = error
            raise error

    def check_alive(self) -> None:
        if self._session.transaction is not None and self._session.transaction.failed:
            raise psycopg.errors.InFailedSqlTransaction("a statement has failed")

    def rollback(self) -> None:
        self._cross("rollback")
        self._session.rollback()

    def commit(self) -> None:
        """The commit is on its way whatever happens to the client meanwhile."""
        self.settle()
        if self.closed:
            raise psycopg.OperationalError("the connection is closed")
        there, back = self._wire.loses_commit()
        if there:
            raise self.broken()
        session = self._session
        arrives = self._loop.now + self._wire.delay()
        done: list[bool] = []
        self._loop.at(arrives, lambda: done.append(_commit(session)))
        self._loop.sleep(arrives - self._loop.now)
        if not done[0]:
            raise self.broken()
        if back:
            raise self.broken("the answer to the commit is lost")
        self._loop.sleep(self._wire.delay())
        if session.cut:
            raise self.broken("the answer to the commit is lost")

    def _cross(self, text: str) -> None:
        if self._wire.dead:
            raise Killed
        if self.closed:
            raise psycopg.OperationalError("the connection is closed")
        self._loop.sleep(self._wire.delay())
        self._wire.before(self, text)
        if self._session.cut:
            raise self.broken()


def _commit(session: Session) -> bool:
    if not session.cut:
        session.commit()
    return not session.cut


class Block:
    """`connection.transaction()`: commits at the end of the block, rolls back if it raised."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Self:
        self._connection.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._connection.commit()
        elif issubclass(kind, Exception):
            # psycopg too keeps the error of the block if the rollback fails besides.
            try:
                self._connection.rollback()
            except psycopg.Error:
                return


class Cursor:
    """Executes, and is read from, as psycopg's; rows are tuples."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._rows: Rows = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def execute(self, text: str, parameters: Parameters | None = None) -> Self:
        self._rows = self.connection.execute(text, parameters or {})
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows[0] if self._rows else None

    def fetchall(self) -> Rows:
        return self._rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._rows)
