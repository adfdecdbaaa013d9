"""On tables that nobody ever analysed, every statement finds its rows by index."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from consumer.arrivals import read_batch
from consumer.attempts import Attempts
from consumer.batch import apply_batch
from consumer.database import Database
from consumer.orders import Orders
from consumer.settings import Settings
from consumer.store import Store
from tests.consuming.batches import batch_of
from tests.consuming.events import make_event

ROWS = 200_000
LOT = 50_000

FILL = f"""
    insert into inorder.head (order_id, versioned, ordinal, sequence_number, sub_sequence_number)
    select 'order-' || n, n % 2 = 0, 1, n, 0 from generate_series(1, {ROWS}) n;
    insert into inorder.ledger (order_id, ordinal, id, digest, type, sequence_number,
                                sub_sequence_number, data)
    select 'order-' || n, 1, gen_random_uuid(), n, 'note', n, 0, '{{}}'
    from generate_series(1, {ROWS}) n;
    update inorder.head set state = 'gap' where order_id in
        (select 'order-' || 2 * n from generate_series(1, {LOT}) n);
    insert into inorder.parking_lot (order_id, rank, kind, reason, id, version, digest,
                                     sequence_number, sub_sequence_number, payload)
    select 'order-' || 2 * n, 3, 'gap', 'early', id, 3, n, n, 0,
           convert_to(json_build_object(
               'id', id, 'source', 'tests', 'version', 3, 'time', '2026-05-04T12:00:00Z',
               'type', case n % 2 when 0 then 'OrderDelivered' else 'unknown' end,
               'order_id', 'order-' || 2 * n, 'data', json_build_object())::text, 'UTF8')
    from generate_series(1, {LOT}) n, lateral (select gen_random_uuid() as id where n > 0) as made;
    insert into orders (order_id, updated_at, status)
    select 'order-' || n, now(), 'placed' from generate_series(1, {ROWS}) n;
"""
LARGE = {"head", "ledger", "parking_lot", "orders"}


class Explaining:
    """A cursor, and those of its connection: each explains a statement before it executes it."""

    def __init__(self, cursor: psycopg.Cursor[Any], plans: dict[str, Any]) -> None:
        self._cursor = cursor
        self._plans = plans

    @property
    def connection(self) -> "Explaining":
        return self

    def post(self, statement: str, parameters: Mapping[str, Any]) -> None:
        self.execute(statement, parameters)

    def cursor(self, **given: Any) -> "Explaining":
        return Explaining(self._cursor.connection.cursor(**given), self._plans)

    def execute(
        self, statement: str, parameters: Mapping[str, Any], **given: Any
    ) -> psycopg.Cursor[Any]:
        plain = self._cursor.connection.cursor()
        plain.execute("explain (format json) " + statement, parameters)
        self._plans[statement] = plain.fetchone()[0][0]["Plan"]
        return self._cursor.execute(statement, parameters, **given)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_cursor", "_plans"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._cursor, name, value)


class ExplainingDatabase(Database):
    """Keeps the plan of every statement of a transaction."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.plans: dict[str, Any] = {}

    @contextmanager
    def transaction(self) -> Iterator[tuple[Any, Any]]:
        with super().transaction() as (_, users):
            yield Store(Explaining(users, self.plans)), Explaining(users, self.plans)


@pytest.fixture
def never_analysed(database_url: str, sql: psycopg.Connection) -> str:
    """A database with a history, and no statistics."""
    for table in ("inorder.head", "inorder.ledger", "inorder.parking_lot", "orders"):
        sql.execute(f"alter table {table} set (autovacuum_enabled = false)")
    sql.execute(FILL)
    analysed = sql.execute("select count(*) from pg_stats where schemaname = 'inorder'").fetchone()
    assert analysed == (0,)
    return database_url


def scans(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every node of a plan that reads a table: which, and how."""
    if "Relation Name" in plan and plan["Node Type"] != "ModifyTable":
        yield plan["Relation Name"], plan["Node Type"]
    for part in plan.get("Plans", ()):
        yield from scans(part)


def test_no_statement_reads_a_table_through(never_analysed):
    database = ExplainingDatabase(Settings(database_url=never_analysed))
    database.open()
    events = [
        make_event(2, order_id=f"order-{n}", type="OrderShipped") for n in range(10, 2_000, 2)
    ]
    events += [
        make_event(name="new", order_id=f"order-{n}", type="OrderShipped")
        for n in range(11, 1_000, 2)
    ]
    events += [make_event(7, order_id=f"new-{n}") for n in range(100)]
    events += [make_event(1, order_id=f"order-{n}") for n in range(10_000, 20_000, 2)]
    sent: list[Any] = [*events, b"no event"]
    attempts = Attempts(database, Orders(), lambda: 600.0, 1.0)
    applied = apply_batch(
        read_batch(batch_of(sent, start=10**9, key="order-5")),
        attempts,
        chunk_events=10_000,
        drain=100,
    )
    database.close()
    assert applied.problem is None
    assert sum(done.drained for done in applied.committed) == len(range(12, 2_000, 4))
    assert sum(len(done.refused) for done in applied.committed) == len(range(10, 2_000, 4))
    assert len(database.plans) == 11
    found = {
        (statement.split("(")[0].strip(), table, how)
        for statement, plan in database.plans.items()
        for table, how in scans(plan)
        if table in LARGE
    }
    assert {table for _, table, _ in found} == LARGE
    assert not [each for each in found if each[2] == "Seq Scan"]
