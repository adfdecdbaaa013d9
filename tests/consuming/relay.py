"""A TCP relay in front of PostgreSQL that counts round trips, and breaks connections on cue.

It reads the frontend's messages off the wire (PostgreSQL documentation, "Message Formats"): a
`Sync`, a `Flush` or a simple `Query` is what the client waits for an answer to, a round trip
each; a `Flush` right behind a `Sync` asks for nothing more. A request for encryption
is refused here, so that everything can be read.
"""

import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import BinaryIO, Self

Cue = Callable[[bytes, bytes], bool]
"""Whether a frontend message, of this type and with this body, is the one to break at."""

See = Callable[[bytes, bytes], None]
"""Sees every frontend message: its type, b"" for the start-up message, and its body."""

_AWAITED = (b"S", b"Q", b"H")
_ENCRYPTION = (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30")
"""What SSLRequest and GSSENCRequest say where a start-up message says its version."""
_READY = b"Z\x00\x00\x00\x05"
_QUIET_SECONDS = 0.3


class _Cued:
    """A cue that is taken so many times."""

    def __init__(self, cue: Cue, times: int) -> None:
        self._cue = cue
        self.times = times

    def met(self, kind: bytes, body: bytes) -> bool:
        taken = self.times > 0 and self._cue(kind, body)
        self.times -= taken
        return taken


class Relay:
    """Relays to a server on a loopback port; `round_trips` counts since it was last set to 0."""

    def __init__(self, server_port: int, see: See = lambda *_: None) -> None:
        self._server_port = server_port
        self._see = see
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._break_before = _Cued(_never, 0)
        self._break_after = _Cued(_never, 0)
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = 0
        self.connections = 0
        self.statements: list[bytes] = []

    def url(self, url: str) -> str:
        """A libpq URL of the server, through the relay; unencrypted, so that it can be read."""
        through = url.replace(f":{self._server_port}/", f":{self.port}/")
        return f"{through}{'&' if '?' in through else '?'}sslmode=disable&gssencmode=disable"

    def break_before(self, cue: Cue, *, times: int = 1) -> None:
        """Cut the connection instead of handing on the message of the cue."""
        self._break_before = _Cued(cue, times)

    def break_after(self, cue: Cue, *, times: int = 1) -> None:
        """Hand on the message, wait until the server has done it, and cut instead of handing back
        the answer.
        """
        self._break_after = _Cued(cue, times)

    @contextmanager
    def counting(self) -> Iterator[list[int]]:
        """The number of round trips inside the block is in the list after it."""
        counted: list[int] = []
        self.round_trips = 0
        yield counted
        counted.append(self.round_trips)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _close(self._listener, *self._open)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._server_port))
                except OSError:
                    client.close()
                else:
                    self._relay(client, server)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open += [client, server]
        self.connections += 1
        swallow = threading.Event()
        for work in (self._to_server, self._to_client):
            threading.Thread(target=work, args=(client, server, swallow), daemon=True).start()

    def _to_server(
        self, client: socket.socket, server: socket.socket, swallow: threading.Event
    ) -> None:
        with suppress(OSError, struct.error), client.makefile("rb") as stream:
            size, body = _message(stream)
            while body in _ENCRYPTION:
                client.sendall(b"N")
                size, body = _message(stream)
            self._see(b"", body)
            server.sendall(size + body)
            before = b""
            while kind := stream.read(1):
                size, body = _message(stream)
                self._see(kind, body)
                if self._break_before.met(kind, body):
                    break
                if self._break_after.met(kind, body):
                    swallow.set()
                self.round_trips += kind in _AWAITED and not (kind == b"H" and before == b"S")
                before = kind
                if kind in b"PQ":
                    self.statements.append(body.strip(b"\0").split(b"\0")[0])
                server.sendall(kind + size + body)
        _close(client, server)

    def _to_client(
        self, client: socket.socket, server: socket.socket, swallow: threading.Event
    ) -> None:
        with suppress(OSError, ValueError):  # closed under our feet
            answer = b""
            while chunk := _received(server, swallow):
                if swallow.is_set():
                    answer += chunk
                    if answer[-6:-1] == _READY:
                        break
                else:
                    client.sendall(chunk)
        _close(client, server)


def statement(text: str) -> Cue:
    """A message that sends a statement beginning with this text, whatever its case."""
    wanted = text.lower().encode()
    return lambda kind, body: kind in b"PQ" and body.lower().lstrip(b"\0").startswith(wanted)


def _message(stream: BinaryIO) -> tuple[bytes, bytes]:
    """The length as it came, and the body."""
    size = stream.read(4)
    return size, stream.read(struct.unpack("!i", size)[0] - 4)


def _received(server: socket.socket, swallow: threading.Event) -> bytes:
    """What comes next. A pipeline's answers do not end with their statement, so what is swallowed
    ends where nothing comes any more; empty then.
    """
    while True:
        ready, _, _ = select.select([server], (), (), _QUIET_SECONDS)
        if ready:
            return server.recv(1 << 16)
        if swallow.is_set():
            return b""


def _never(_kind: bytes, _body: bytes) -> bool:
    return False


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
