"""Messages over a socket: eight bytes of length, then that many bytes."""

import socket
import struct

_LENGTH = struct.Struct("!Q")
_CHUNK = 1 << 20


def send(connection: socket.socket, message: bytes) -> None:
    """Raises OSError when the other end is gone."""
    connection.sendall(_LENGTH.pack(len(message)))
    connection.sendall(message)


def receive(connection: socket.socket) -> bytes:
    """The next message; raises EOFError when the other end is gone."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    return _exactly(connection, length)


def _exactly(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(min(length - len(parts), _CHUNK))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
