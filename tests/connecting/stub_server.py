"""As much of PostgreSQL's protocol as logging in takes, over TLS, with what the client said.

The wheel's server has no TLS, and no server shows what it was sent (PostgreSQL documentation,
"Message Flow" and "SSL Session Encryption").
"""

import socket
import ssl
import struct
import threading
from contextlib import suppress
from typing import Self

_SSL_REQUEST = 80877103
_CLEARTEXT_PASSWORD = b"R" + struct.pack("!II", 8, 3)
_LOGGED_IN = (
    b"R"
    + struct.pack("!II", 8, 0)
    + b"S\x00\x00\x00\x19client_encoding\x00UTF8\x00"
    + b"K"
    + struct.pack("!III", 12, 1, 1)
    + b"Z\x00\x00\x00\x05I"
)


class StubServer:
    """Takes every password. `startup` and `password` are the last client's; None where none came
    so far.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port: int = self._listener.getsockname()[1]
        self.startup: dict[str, str] | None = None
        self.password: str | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.settimeout(5)
                with client, suppress(OSError, EOFError):
                    self._log_in(client)

    def _log_in(self, client: socket.socket) -> None:
        _, code = struct.unpack("!II", _exactly(client, 8))
        assert code == _SSL_REQUEST, "a client that would go on without TLS"
        client.sendall(b"S")
        with self._tls.wrap_socket(client, server_side=True) as secured:
            (length,) = struct.unpack("!I", _exactly(secured, 4))
            words = _exactly(secured, length - 4)[4:].rstrip(b"\0").split(b"\0")
            texts = [word.decode() for word in words]
            self.startup = dict(zip(texts[::2], texts[1::2], strict=True))
            secured.sendall(_CLEARTEXT_PASSWORD)
            _, length = struct.unpack("!cI", _exactly(secured, 5))
            self.password = _exactly(secured, length - 4).rstrip(b"\0").decode()
            secured.sendall(_LOGGED_IN)
            with suppress(OSError):
                secured.recv(100)  # until the client leaves


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found
