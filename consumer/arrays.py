"""Columns for statements: lists that are packed as PostgreSQL's binary arrays, a column at a time.

psycopg dumps a list element by element, in Python, which costs up to twice as much. A column says
what it holds, so that it can be packed whole. The form is PostgreSQL's own (`array_recv`):
dimensions, whether there may be nulls, the element's type; length and lower bound; then of each
element its length, -1 for null, and its bytes. To Python, and to a connection that was not prepared
for them, columns are lists like any other.
"""

import sys
from abc import abstractmethod
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any
from uuid import UUID

from psycopg import Connection, adapters
from psycopg.adapt import Dumper
from psycopg.pq import Format

_NOTHING = Struct("!iiI").pack
_HEAD = Struct("!iiIii").pack
_LENGTH = Struct("!i").pack
_EIGHT_BYTES = Struct("!iq").pack
_LENGTHS = [_LENGTH(length) for length in range(256)]
_NULL = _LENGTH(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Texts(list[str | None]):
    """A `text[]`."""


class Bigints(list[int | None]):
    """A `bigint[]`."""


class Uuids(list[UUID | None]):
    """A `uuid[]`."""


class Instants(list[datetime | None]):
    """A `timestamptz[]`; each has a time zone."""


def prepare(connection: Connection[Any]) -> None:
    """Let this connection, and the cursors that it makes from now on, pack columns."""
    for column, dumper in _DUMPERS.items():
        connection.adapters.register_dumper(column, dumper)


class _Packed(Dumper):
    format = Format.BINARY
    of = ""

    def __init__(self, cls: type, context: Any = None) -> None:
        super().__init__(cls, context)
        known = adapters.types[self.of]
        self.oid, self._element = known.array_oid, known.oid

    def dump(self, column: Sequence[Any]) -> bytes:
        if not column:
            return _NOTHING(0, 0, self._element)
        return _HEAD(1, 1, self._element, len(column), 1) + b"".join(self.elements(column))

    @abstractmethod
    def elements(self, column: Sequence[Any]) -> Sequence[bytes]:
        """Lengths and values, as pieces of bytes."""


class _TextsDumper(_Packed):
    of = "text"

    def elements(self, column: Sequence[str | None]) -> Sequence[bytes]:
        try:
            values = [value.encode() for value in column]  # type: ignore[union-attr] # None raises
        except AttributeError:
            return [_NULL if value is None else _framed(value.encode()) for value in column]
        parts = [b""] * (2 * len(values))
        parts[0::2] = [
            _LENGTHS[size] if size < len(_LENGTHS) else _LENGTH(size) for size in map(len, values)
        ]
        parts[1::2] = values
        return parts


class _BigintsDumper(_Packed):
    of = "int8"

    def elements(self, column: Sequence[int | None]) -> Sequence[bytes]:
        try:
            values: array[int] = array("q", column)  # type: ignore[arg-type] # None raises
        except TypeError:
            return [_NULL if value is None else _EIGHT_BYTES(8, value) for value in column]
        lengths = array("i", (8,))
        if sys.byteorder == "little":
            values.byteswap()
            lengths.byteswap()
        halves = array("i", values.tobytes())
        words = lengths * (3 * len(column))
        words[1::3], words[2::3] = halves[0::2], halves[1::2]
        return [words.tobytes()]


class _UuidsDumper(_Packed):
    of = "uuid"

    def elements(self, column: Sequence[UUID | None]) -> Sequence[bytes]:
        return [_NULL if value is None else _LENGTHS[16] + value.bytes for value in column]


class _InstantsDumper(_Packed):
    of = "timestamptz"

    def elements(self, column: Sequence[datetime | None]) -> Sequence[bytes]:
        return [
            _NULL if value is None else _EIGHT_BYTES(8, (value - _EPOCH) // _MICROSECOND)
            for value in column
        ]


def _framed(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


_DUMPERS: dict[type[list[Any]], type[Dumper]] = {
    Texts: _TextsDumper,
    Bigints: _BigintsDumper,
    Uuids: _UuidsDumper,
    Instants: _InstantsDumper,
}
