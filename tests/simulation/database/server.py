"""An imagined PostgreSQL: one server, its sessions, and what can happen to it.

Everything the consumer can see of the real one is here: statements one after the other, locks,
commits, and how they fail, with psycopg's own errors. Durations are milliseconds.
"""

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import errors

from tests.simulation.database.locks import Locks
from tests.simulation.database.statement import (
    Catalogue,
    Parameters,
    Rows,
    Run,
    Statement,
    UnknownStatement,
)
from tests.simulation.database.tables import Change, Tables
from tests.simulation.database.transaction import Transaction
from tests.simulation.loop import Loop

LOCK_TIMEOUT_MS = 5_000
MAX_CONNECTIONS = 100


class Session:
    """One connection as the server sees it: at most one transaction."""

    def __init__(self, server: "Server", *, read_only: bool) -> None:
        self.server = server
        self.read_only = read_only
        self.transaction: Transaction | None = None
        self.cut = False

    def begin(self) -> None:
        self.transaction = Transaction(self.server, read_only=self.read_only)

    def execute(self, text: str, parameters: Parameters) -> Rows:
        """Run a statement, in the open transaction or in one of its own; one that fails leaves the
        transaction good for nothing.
        """
        found = self.server.catalogue.get(text)
        if found is None:
            raise UnknownStatement(f"nobody told the imagined PostgreSQL what this does:\n{text}")
        if self.transaction is None:
            return self._execute_alone(*found, parameters)
        transaction = self.transaction
        if transaction.failed:
            raise errors.InFailedSqlTransaction("current transaction is aborted")
        run, statement = found
        try:
            return run(statement, transaction, parameters)
        except psycopg.Error:
            transaction.failed = True
            raise

    def _execute_alone(self, run: Run, statement: Statement, parameters: Parameters) -> Rows:
        self.begin()
        assert self.transaction is not None
        try:
            rows = run(statement, self.transaction, parameters)
        except BaseException:
            self.rollback()
            raise
        self.commit()
        return rows

    def commit(self) -> None:
        if self.read_only and self.transaction is not None and self.transaction.wrote:
            self.end()
        if self.transaction is not None and not self.transaction.ended:
            self.server.commit(self.transaction)
        self.transaction = None

    def rollback(self) -> None:
        if self.transaction is not None and not self.transaction.ended:
            self.transaction.rollback()
        self.transaction = None

    def end(self) -> None:
        """The server gives the session up, and what it had not committed."""
        self.cut = True
        self.rollback()
        self.server.sessions.pop(self, None)


class Server:
    """Tables, locks and sessions. `committed` is told of every commit that changed something."""

    def __init__(
        self,
        loop: Loop,
        catalogue: Catalogue,
        committed: Callable[[list[Change]], None] = lambda _: None,
    ) -> None:
        self.loop = loop
        self.catalogue = catalogue
        self.tables = Tables()
        self.locks = Locks(loop, LOCK_TIMEOUT_MS)
        self.sessions: dict[Session, None] = {}
        self.down: Callable[[], psycopg.Error] | None = None
        self.in_recovery = False
        self.started_at = 0
        self._committed = committed

    @property
    def now(self) -> int:
        return self.loop.now

    def connect(self) -> Session:
        """A new session; raises what the server says to those it does not let in."""
        if self.down is not None:
            raise self.down()
        if len(self.sessions) >= MAX_CONNECTIONS:
            raise psycopg.OperationalError("FATAL: sorry, too many clients already")
        session = Session(self, read_only=self.in_recovery)
        self.sessions[session] = None
        return session

    def commit(self, transaction: Transaction) -> None:
        changes = transaction.commit()
        if changes:
            self._committed(changes)

    def cut_all(self) -> None:
        """End every session, as a shutdown, a crash or a failover does."""
        for session in list(self.sessions):
            session.end()

    def crash(self) -> None:
        """End every session, and forget what unlogged tables held; it starts when it is reached."""
        self.cut_all()
        self.tables.clear("delivery")
        self.started_at = self.now

    def demote(self) -> None:
        """Become a replica: sessions stay, and can only read."""
        for session in self.sessions:
            session.read_only = True
            if session.transaction is not None:
                session.transaction.read_only = True


def no_answer() -> psycopg.Error:
    """What psycopg raises when nobody listens: no SQLSTATE."""
    return psycopg.OperationalError("connection failed: Connection refused")


def starting_up() -> psycopg.Error:
    return psycopg.OperationalError("connection failed: FATAL: the database system is starting up")


def error_of(sqlstate: str) -> psycopg.Error:
    """The error that psycopg raises for a SQLSTATE."""
    found: Any = errors.lookup(sqlstate)(f"an error with SQLSTATE {sqlstate}")
    made: psycopg.Error = found
    return made
