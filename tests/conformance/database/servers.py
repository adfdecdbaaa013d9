"""The real PostgreSQL and the imagined one behind one set of handles, so that one test asks both.

A `Client` is one connection whose calls may run beside those of others: `start` begins one, and the
`Running` it returns is finished, or waits for a lock.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg

from consumer.connection import Timed
from consumer.store import Store
from tests.simulation.database.connection import Connection
from tests.simulation.database.server import Server, Session
from tests.simulation.database.statements import catalogue
from tests.simulation.loop import Loop, Task

SECONDS = 20
LOCK_TIMEOUT_MS = 2_000
_A_WHILE_MS = 100


class Running(Protocol):
    """A call that was begun."""

    def waits(self) -> bool:
        """Whether it waits for a lock; False once it is done."""
        ...

    def result(self) -> Any:
        """What it returned; raises what it raised."""
        ...


class Client(Protocol):
    """One connection."""

    connection: Any

    def start(self, call: Callable[[], Any]) -> Running: ...

    def close(self) -> None: ...


class Database(Protocol):
    """A server with inorder's tables, empty."""

    def client(self, *, read_only: bool = False) -> Client: ...

    def end(self, client: Client) -> None:
        """End the client's session, as an administrator would."""
        ...


def call(client: Client, work: Callable[[], Any]) -> Any:
    """Do something on a connection and wait for it."""
    return client.start(work).result()


@contextmanager
def store_of(client: Client) -> Iterator[Store]:
    """A transaction's store; to be used inside a call."""
    with client.connection.transaction():
        yield Store(client.connection)
        client.connection.settle()


# ------------------------------------------------------------------------------- the real one


class _RealRunning:
    def __init__(self, future: Future[Any], backend: int, observer: psycopg.Connection) -> None:
        self._future = future
        self._backend = backend
        self._observer = observer

    def waits(self) -> bool:
        while not self._future.done():
            row = self._observer.execute(
                "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s",
                [self._backend],
            ).fetchone()
            if row is not None and row[0]:
                return True
        return False

    def result(self) -> Any:
        return self._future.result(SECONDS)


class _RealClient:
    def __init__(self, url: str, observer: psycopg.Connection, *, read_only: bool) -> None:
        options = f"-c lock_timeout={LOCK_TIMEOUT_MS} -c deadlock_timeout=100"
        options += " -c default_transaction_read_only=on" * read_only
        self.connection = Timed.connect(url, autocommit=True, options=options)
        self.backend = self.connection.info.backend_pid
        self._thread = ThreadPoolExecutor(1)
        self._observer = observer

    def start(self, call: Callable[[], Any]) -> Running:
        return _RealRunning(self._thread.submit(call), self.backend, self._observer)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self.connection.close()


class RealDatabase:
    """PostgreSQL, migrated."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._observer = psycopg.connect(url, autocommit=True)
        self._clients: list[_RealClient] = []

    def client(self, *, read_only: bool = False) -> Client:
        made = _RealClient(self._url, self._observer, read_only=read_only)
        self._clients.append(made)
        return made

    def end(self, client: Client) -> None:
        backend = client.backend  # type: ignore[attr-defined]
        self._observer.execute("select pg_terminate_backend(%s, 5000)", [backend])

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._observer.close()


# ------------------------------------------------------------------------------- the imagined one


class _Still:
    """A network without delay or fault."""

    dead = False

    def delay(self) -> int:
        return 0

    def before(self, connection: Connection, text: str) -> None: ...

    def loses_commit(self) -> tuple[bool, bool]:
        return False, False

    def closed(self, connection: Connection) -> None: ...

    def notices_after(self) -> int:
        return 0


class _ImaginedRunning:
    def __init__(self, loop: Loop, task: Task) -> None:
        self._loop = loop
        self._task = task

    def waits(self) -> bool:
        self._loop.run_for(_A_WHILE_MS)
        return not self._task.done

    def result(self) -> Any:
        while not self._task.done and self._loop.step():
            pass
        assert self._task.done, "it waits for ever"
        if self._task.error is not None:
            raise self._task.error
        return self._task.result


class _ImaginedClient:
    def __init__(self, loop: Loop, session: Session) -> None:
        self._loop = loop
        self.session = session
        self.connection = Connection(loop, session, _Still())

    def start(self, call: Callable[[], Any]) -> Running:
        return _ImaginedRunning(self._loop, self._loop.spawn(call))

    def close(self) -> None: ...


class ImaginedDatabase:
    """The one that the simulation uses."""

    def __init__(self) -> None:
        self._loop = Loop()
        self._server = Server(self._loop, catalogue())

    def client(self, *, read_only: bool = False) -> Client:
        session = self._server.connect()
        session.read_only = read_only
        return _ImaginedClient(self._loop, session)

    def end(self, client: Client) -> None:
        client.session.end()  # type: ignore[attr-defined]

    def close(self) -> None: ...
