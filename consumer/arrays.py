"""Columns for statements: lists that are packed as PostgreSQL's binary arrays, a column at a time.

psycopg dumps a list element by element, in Python, which costs up to twice as much. A column says
what it holds, so that it can be packed whole. The form is PostgreSQL's own (`array_recv`):
dimensions, whether there may be nulls, the element's type; length and lower bound; then of each
element its length, -1 for null, and its bytes. To Python, and to a connection that was not prepared
for them, columns are lists like any other.
"""

import sys
from array import array
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, TypeVar
from uuid import UUID

from psycopg import Connection, adapters
from psycopg.adapt import Dumper
from psycopg.pq import Format

T = TypeVar("T")

_NOTHING = Struct("!iiI").pack
_HEAD = Struct("!iiIii").pack
_LENGTH = Struct("!i").pack
_EIGHT_BYTES = Struct("!iq").pack
_LENGTHS = [_LENGTH(length) for length in range(256)]
_NULL = _LENGTH(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Column(list[T]):
    """A list of one type of elements. Once packed it may not change."""

    of = ""
    _packed: bytes | None = None

    def pack(self) -> bytes:
        """The binary array, made once: before it is sent, where there is time to wait out."""
        if self._packed is None:
            element = adapters.types[self.of].oid
            if self:
                head = _HEAD(1, 1, element, len(self), 1)
                self._packed = head + b"".join(self._elements())
            else:
                self._packed = _NOTHING(0, 0, element)
        return self._packed

    def _elements(self) -> Iterable[bytes]:
        """Lengths and values, as pieces of bytes."""
        raise NotImplementedError  # each type of column has its own


class Texts(Column[str | None]):
    """A `text[]`."""

    of = "text"

    def _elements(self) -> Iterable[bytes]:
        try:
            values = [value.encode() for value in self]  # type: ignore[union-attr] # None raises
        except AttributeError:
            return [_NULL if value is None else _framed(value.encode()) for value in self]
        parts = [b""] * (2 * len(values))
        parts[0::2] = [
            _LENGTHS[size] if size < len(_LENGTHS) else _LENGTH(size) for size in map(len, values)
        ]
        parts[1::2] = values
        return parts


class Bigints(Column[int | None]):
    """A `bigint[]`."""

    of = "int8"

    def _elements(self) -> Iterable[bytes]:
        try:
            values: array[int] = array("q", self)  # type: ignore[arg-type] # None raises
        except TypeError:
            return [_NULL if value is None else _EIGHT_BYTES(8, value) for value in self]
        lengths = array("i", (8,))
        if sys.byteorder == "little":
            values.byteswap()
            lengths.byteswap()
        halves = array("i", values.tobytes())
        words = lengths * (3 * len(self))
        words[1::3], words[2::3] = halves[0::2], halves[1::2]
        return [words.tobytes()]


class Uuids(Column[UUID | None]):
    """A `uuid[]`."""

    of = "uuid"

    def _elements(self) -> Iterable[bytes]:
        return [_NULL if value is None else _LENGTHS[16] + value.bytes for value in self]


class Instants(Column[datetime | None]):
    """A `timestamptz[]`; each has a time zone."""

    of = "timestamptz"

    def _elements(self) -> Iterable[bytes]:
        return [
            _NULL if value is None else _EIGHT_BYTES(8, (value - _EPOCH) // _MICROSECOND)
            for value in self
        ]


def prepare(connection: Connection[Any]) -> None:
    """Let this connection, and the cursors that it makes from now on, take columns packed."""
    for column in (Texts, Bigints, Uuids, Instants):
        connection.adapters.register_dumper(column, _Packed)


class _Packed(Dumper):
    format = Format.BINARY

    def __init__(self, cls: type[Column[Any]], context: Any = None) -> None:
        super().__init__(cls, context)
        self.oid = adapters.types[cls.of].array_oid

    def dump(self, obj: Column[Any]) -> bytes:
        return obj.pack()


def _framed(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value
