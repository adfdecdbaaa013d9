"""The one connection of an execution environment, made anew when it is broken."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import Cursor

from consumer.connecting import connect
from consumer.connection import Timed
from consumer.deliveries import Deliveries
from consumer.store import Store
from login.settings import DatabaseSettings


class Database:
    """Connects when asked; RDS Proxy does the pooling.

    No server-side prepared statements and no session settings: either would pin the connection to
    one client (RDS Proxy, "Avoiding pinning"). Timeouts of the session belong to the role
    (`ALTER ROLE … SET`).

    `begun` is the first connection, if somebody has begun to make it already: it returns it, or
    raises what `connect` raises.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        pipelines: bool = False,
        begun: Callable[[], Timed] | None = None,
    ) -> None:
        self._settings = settings
        self._begun = begun
        self.pipelines = pipelines
        """Whether a batch's transaction is sent without waiting for each statement's answer."""
        self._connection: Timed | None = None
        self._waited = 0.0
        self._asked = 0

    @property
    def asked(self) -> int:
        """Grows by one with every wait for the server, and with its end: odd while it is waited."""
        current = self._connection
        return self._asked + (current.asked if current else 0)

    @property
    def waited(self) -> float:
        """Seconds waited for the server's answers since the process began, connecting not counted.
        What the consumer computes between two statements is not the database's time.
        """
        current = self._connection
        return self._waited + (current.waited if current else 0.0)

    def open(self) -> None:
        """Connect unless connected; raises what `consumer.connecting` raises."""
        if self._connection is None or self._connection.closed:
            self.close()
            begun, self._begun = self._begun, None
            self._connection = self._connect() if begun is None else begun()

    def _connect(self) -> Timed:
        return connect(self._settings)

    @contextmanager
    def transaction(self) -> Iterator[tuple[Store, Cursor[Any]]]:
        """A transaction on the open connection: our tables, and a cursor for the projection.

        It commits at the end of the block and rolls back if the block raises.
        """
        connection = self._connection
        if connection is None:
            raise psycopg.InterfaceError("the connection is closed")
        connection.refused = None
        with connection.transaction(), connection.cursor() as users:
            try:
                yield Store(connection), users
                connection.settle()
            except BaseException:
                with suppress(psycopg.Error):
                    connection.settle()  # else the rollback would be refused
                raise
            connection.check_alive()

    @contextmanager
    def pipelined(self) -> Iterator[tuple[Store, Cursor[Any]]]:
        """The same in a pipeline: what is sent is waited for when somebody reads an answer, and
        once at the end. `begin` and `commit` are statements among the others, which is why the
        connection commits by itself otherwise.
        """
        connection = self._connection
        if connection is None:
            raise psycopg.InterfaceError("the connection is closed")
        connection.refused = None
        try:
            with connection.pipeline() as pipeline:
                try:
                    connection.execute("begin")
                    yield Store(connection), connection.cursor()
                    committed = connection.execute("commit")
                except BaseException:
                    with suppress(psycopg.Error):
                        pipeline.sync()  # else what else has failed would be logged, with its data
                    raise
            _check_commit(committed.statusmessage)
        except BaseException:
            with suppress(psycopg.Error):
                connection.rollback()
            raise

    @property
    def refused(self) -> psycopg.Error | None:
        """What became of what the last transaction has posted, if that is an error."""
        return self._connection.refused if self._connection else None

    @contextmanager
    def at_once(self) -> Iterator[Deliveries]:
        """The markers, each statement a transaction of its own and one round trip."""
        connection = self._connection
        if connection is None:
            raise psycopg.InterfaceError("the connection is closed")
        with connection.cursor(binary=True) as cursor:
            yield Deliveries(cursor)

    def cut(self) -> None:
        """Break the connection under whoever waits for it; from any thread."""
        connection = self._connection
        with suppress(OSError, psycopg.Error):
            if connection is not None:
                with socket.socket(fileno=os.dup(connection.fileno())) as shared:
                    shared.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Drop the connection, whatever state it is in."""
        if self._connection is not None:
            self._waited, self._asked = self.waited, self.asked
            self._connection.close()
            self._connection = None


def _check_commit(answer: str | None) -> None:
    """To `commit` a server answers without an error if it had to roll back."""
    if answer != "COMMIT":
        raise psycopg.errors.InFailedSqlTransaction(f"the answer to the commit was {answer}")
