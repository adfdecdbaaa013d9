"""A TCP proxy in front of PostgreSQL that makes the network's faults.

Theory of operation
===================

Two threads per connection pump bytes, one for each direction, and look at the proxy's switches
before each piece. Nothing is decided per connection but whether it is *silent*: from then on its
bytes are swallowed both ways, its sockets stay open, and an end of one side is not told to the
other, as when a firewall has forgotten it. What was swallowed is missing, so a connection never
comes out of silence; new ones do once `silence` ends.

A commit is recognised by its message: psycopg sends `COMMIT` as a simple query, and the server
answers with the command's tag (PostgreSQL documentation, "Message Formats": Query,
CommandComplete); either is the word and a zero byte. There is no TLS here to hide them.
"""

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from enum import Enum, auto

_COMMIT = b"COMMIT\0"
_PIECE = 65_536


class Cut(Enum):
    """Where a commit's connection is cut."""

    BEFORE_COMMIT = auto()
    """The server never hears of it, and rolls back."""

    BEFORE_ANSWER = auto()
    """The server has committed, the client never hears of it."""


class FaultProxy:
    """Listens on a `port` of loopback (or another `host`) and forwards to `target`, until `close`.

    `cuts` counts the connections that were cut, by how; `silenced` those that went silent.
    """

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self.target = target
        self.delay_seconds = 0.0
        self.cuts: Counter[Cut | None] = Counter()
        self.silenced = 0
        self.delayed = 0
        self._silent = False
        self._at_commits: list[Cut] = []
        self._lock = threading.Lock()
        self._connections: set[_Connection] = set()
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="fault-proxy", daemon=True)
        self._thread.start()

    def cut(self) -> int:
        """Cut every connection that stands; how many."""
        cut = sum(connection.end() for connection in self._standing())
        self.cuts[None] += cut
        return cut

    def cut_next_commits(self, *cuts: Cut) -> None:
        """Cut the connections of the next so many commits, whoever makes them."""
        with self._lock:
            self._at_commits.extend(cuts)

    @property
    def commits_to_cut(self) -> int:
        return len(self._at_commits)

    @contextlib.contextmanager
    def silence(self) -> Iterator[None]:
        """Every connection that stands, or is made in the block, goes silent for good."""
        with self._lock:
            self._silent = True
            for connection in self._connections:
                self.silenced += not connection.silent
                connection.silent = True
        try:
            yield
        finally:
            self._silent = False

    def close(self) -> None:
        """Listen no more, end every connection, also the silent ones, and wait for that."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._standing():
            connection.end()
            connection.join()

    def next_cut(self) -> Cut | None:
        with self._lock:
            return self._at_commits.pop(0) if self._at_commits else None

    def forget(self, connection: "_Connection") -> None:
        with self._lock:
            self._connections.discard(connection)

    def _standing(self) -> list["_Connection"]:
        with self._lock:
            return list(self._connections)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            connection = _Connection(self, client, server)
            with self._lock:
                self._connections.add(connection)
                connection.silent = self._silent
            self.silenced += connection.silent
            connection.start()


class _Connection(threading.Thread):
    """One client's connection and the one to the server that serves it."""

    def __init__(self, proxy: FaultProxy, client: socket.socket, server: socket.socket) -> None:
        super().__init__(name="fault-proxy-connection", daemon=True)
        self._proxy = proxy
        self._client = client
        self._server = server
        self._commits = 0
        self._answer_is_lost = False
        self._is_over = False
        self.silent = False

    def end(self) -> bool:
        """Tell both sides that it is over; whether it was not before."""
        was_over, self._is_over = self._is_over, True
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        return not was_over

    def run(self) -> None:
        back = threading.Thread(target=self._pump, args=(self._to_client,), daemon=True)
        back.start()
        self._pump(self._to_server)
        back.join()
        self._client.close()
        self._server.close()
        self._proxy.forget(self)

    def _pump(self, on: Callable[[], bool]) -> None:
        with contextlib.suppress(OSError):
            while on():
                pass
        if not self.silent:
            self.end()

    def _to_server(self) -> bool:
        piece = self._client.recv(_PIECE)
        if not piece or self.silent:
            return bool(piece)
        if _COMMIT in piece:
            self._commits += 1
            # A consumer's first commit ends its look at the server's state: there is nothing in it.
            if self._commits > 1 and (cut := self._proxy.next_cut()) is not None:
                self._proxy.cuts[cut] += 1
                if cut is Cut.BEFORE_COMMIT:
                    return False
                self._answer_is_lost = True
        if self._proxy.delay_seconds:
            time.sleep(self._proxy.delay_seconds)
            self._proxy.delayed += 1
        self._server.sendall(piece)
        return True

    def _to_client(self) -> bool:
        piece = self._server.recv(_PIECE)
        if not piece or self.silent:
            return bool(piece)
        if self._answer_is_lost and _COMMIT in piece:
            return False
        self._client.sendall(piece)
        return True
