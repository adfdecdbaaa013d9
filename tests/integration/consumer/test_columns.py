"""Columns are what psycopg would have made of the same lists, and PostgreSQL reads them back."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.adapt import PyFormat, Transformer

from consumer import arrays
from consumer.arrays import Bigints, Instants, Texts, Uuids

TYPES = {Texts: "text[]", Bigints: "bigint[]", Uuids: "uuid[]", Instants: "timestamptz[]"}
NOW = datetime(2026, 11, 26, 13, 24, 5, 123456, tzinfo=UTC)

COLUMNS = [
    Texts(["a", "ü€𝄞", "", "x" * 255, "x" * 256, "x" * 100_000]),
    Texts(["same"] * 1_000),
    Texts([None, "b", None]),
    Bigints([1 << 40, -(1 << 63), (1 << 63) - 1, 0, -1]),
    Bigints([None, 1 << 40]),
    Uuids([uuid4(), UUID(int=0), UUID(int=(1 << 128) - 1)]),
    Uuids([None, uuid4()]),
    Instants([NOW, NOW.astimezone(timezone(timedelta(hours=-9, minutes=30)))]),
    Instants([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]),
    Instants([None, NOW]),
    *(column([]) for column in TYPES),
    *(column([None, None]) for column in TYPES),
]


@pytest.fixture
def connection(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        arrays.prepare(connection)
        yield connection


@pytest.mark.parametrize("column", COLUMNS, ids=lambda c: f"{type(c).__name__}-{len(c)}")
def test_they_are_read_back_as_they_were(connection, column):
    row = connection.execute(f"select %b::{TYPES[type(column)]}", [column]).fetchone()
    assert row == (list(column),)


@pytest.mark.parametrize("column", [c for c in COLUMNS if any(v is not None for v in c)])
def test_without_preparing_psycopg_sends_the_same_elements(database_url, connection, column):
    def sent(through: psycopg.Connection) -> bytes:
        return Transformer(through).dump_sequence([column], [PyFormat.BINARY])[0]

    head = 20  # dimensions, nulls, type, length, lower bound: psycopg looks for nulls
    with psycopg.connect(database_url) as unprepared:
        assert sent(unprepared)[head:] == sent(connection)[head:]


@pytest.mark.parametrize(
    ("column", "error"),
    [
        (Bigints([1 << 63]), OverflowError),
        (Texts(["\ud800"]), UnicodeEncodeError),
        (Instants([datetime(2026, 1, 1)]), TypeError),  # noqa: DTZ001 - that is the point
    ],
)
def test_what_does_not_fit_raises(connection, column, error):
    with pytest.raises(error):
        connection.execute(f"select %b::{TYPES[type(column)]}", [column])
