"""Aggregated records read by hand: the checker shares no code with what it checks.

The format (KPL, aggregation-format.md): magic, a protobuf message, its MD5. In the message, field 1
is the table of partition keys and field 3 a record, whose field 1 is its key's index and field 3
its data. Only what the simulation itself writes has to be understood.
"""

import hashlib

_MAGIC = b"\xf3\x89\x9a\xc2"
_DIGEST = 16
_KEYS, _RECORD = 1, 3
_INDEX, _DATA = 1, 3


def payloads(data: bytes) -> list[bytes]:
    """The user records of a record's data; the data itself where it is no whole aggregate."""
    message = data[len(_MAGIC) : -_DIGEST]
    if not data.startswith(_MAGIC) or hashlib.md5(message).digest() != data[-_DIGEST:]:  # noqa: S324
        return [data]
    return [_field(part, _DATA) for number, part in _fields(message) if number == _RECORD]


def _field(message: bytes, wanted: int) -> bytes:
    return next(part for number, part in _fields(message) if number == wanted)


def _fields(message: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        if tag & 7 == 2:
            found.append((tag >> 3, message[at : at + value]))
            at += value
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
