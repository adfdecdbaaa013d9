"""Trap 12 and its kin: an error of one order's data parks that event, and nobody else's."""

import random
import string

import pytest

from contract import encode_event
from tests.consuming.batches import batch, batch_of
from tests.consuming.checked import SCHEMA
from tests.consuming.events import make_event
from tests.consuming.invoking import FINISHED, environment
from tests.consuming.tables import read_tables

pytestmark = pytest.mark.usefixtures("pipeline")

PROJECTION = "tests.consuming.checked:Checked"
ORDERS = "BCDEFGH"


@pytest.fixture
def invoke_checked(database_url, sql):
    sql.execute(SCHEMA)
    with environment(database_url, PROJECTION=PROJECTION) as invoke:
        yield invoke


def around(*middle):
    """Three events of each of seven orders, and these of order A among them."""
    events = [make_event(v, order_id=o, amount="1") for v in (1, 2, 3) for o in ORDERS]
    half = len(events) // 2
    return [*events[:half], *middle, *events[half:]]


def totals(sql) -> dict[str, str]:
    return {o: str(total) for o, total in sql.execute("select order_id, total from amount")}


OTHERS = dict.fromkeys(ORDERS, "3.00")

POISON = {
    "numeric overflow, 22003": ({"amount": "99999"}, "saving the order failed: 22003"),
    "NUL in a text": ({"note": "a\0b"}, "saving the order failed: "),
    "value too long, 22001": ({"note": "x" * 21}, "saving the order failed: 22001"),
    "check constraint, 23514": ({"amount": "-5"}, "saving the order failed: 23514"),
    "not null, 23502": ({"note": None}, "saving the order failed: 23502"),
    "deferred foreign key, 23503": ({"owner": "nobody"}, "committing the order failed: 23503"),
    "Python in save": ({"note": "unsavable"}, "saving the order failed: ValueError: what the row"),
    "a value that has no parameter": (
        {"note": {"x": 1}},
        "saving the order failed: ProgrammingError",
    ),
}


@pytest.mark.parametrize(("data", "detail"), POISON.values(), ids=POISON)
def test_trap_12_save_fails_for_one_event(invoke_checked, sql, data, detail):
    mine = [make_event(1, amount="1"), make_event(2, **data), make_event(3, amount="1")]
    assert invoke_checked(batch_of(around(*mine))) == FINISHED
    assert totals(sql) == OTHERS | {"A": "1.00"}
    tables = read_tables(sql)
    assert set(tables.lot) == {"A"}
    assert [(e.kind, e.reason, e.payload) for e in tables.lot["A"]] == [
        ("blocker", "data_error", encode_event(mine[1])),
        ("follower", "follows", encode_event(mine[2])),
    ]
    (said,) = sql.execute(
        "select detail from inorder.parking_lot where kind = 'blocker'"
    ).fetchone()
    assert said.startswith(detail)


RAISING = {
    "raise exception, P0001": ("raise exception 'not this one'", "saving the order failed: P0001"),
    "its author's own code": (
        "raise 'not this one' using errcode = 'ORD01'",
        "saving the order failed: ORD01",
    ),
    "no row found, P0002": (
        "perform; select 1 into strict new.note where false",
        "saving the order failed: P0002",
    ),
    "more than one row, 21000": (
        "new.total := (select 1 from generate_series(1, 2))",
        "saving the order failed: 21000",
    ),
    "no case matches, 20000": (
        "case new.note when 'never' then null; end case",
        "saving the order failed: 20000",
    ),
    "stack depth, 54001": ("perform deeper(1)", "saving the order failed: 54001"),
}
DEEPER = """
create function deeper(n int) returns int language plpgsql as $$
begin return deeper(n + 1) + 1; end $$
"""
ON_ONE = """
create function opinion() returns trigger language plpgsql as $$
begin
    if new.note = 'bad' then
        {};
    end if;
    return new;
end $$;
create {} opinion {} insert or update on amount {} for each row execute function opinion()
"""


def check_blocked(sql, event, detail):
    """Exactly this event of A is blamed, and everybody else is served."""
    assert totals(sql) == OTHERS | {"A": "1.00"}
    assert set(read_tables(sql).lot) == {"A"}
    blockers = sql.execute(
        "select payload, reason, detail from inorder.parking_lot where kind = 'blocker'"
    ).fetchall()
    assert [(bytes(p), r) for p, r, _ in blockers] == [(encode_event(event), "data_error")]
    assert blockers[0][2].startswith(detail)


@pytest.mark.parametrize(("says", "detail"), RAISING.values(), ids=RAISING)
def test_a_trigger_has_something_against_one_row(invoke_checked, sql, says, detail):
    sql.execute(DEEPER)
    sql.execute(ON_ONE.format(says, "trigger", "before", ""))
    mine = [make_event(1, amount="1"), make_event(2, note="bad"), make_event(3, amount="1")]
    assert invoke_checked(batch_of(around(*mine))) == FINISHED
    check_blocked(sql, mine[1], detail)


def test_a_constraint_trigger_has_something_against_one_row_at_commit(invoke_checked, sql):
    deferred = "deferrable initially deferred"
    sql.execute(ON_ONE.format("raise exception 'no'", "constraint trigger", "after", deferred))
    mine = [make_event(1, amount="1"), make_event(2, note="bad"), make_event(3, amount="1")]
    assert invoke_checked(batch_of(around(*mine))) == FINISHED
    check_blocked(sql, mine[1], "committing the order failed: P0001")


def test_a_view_has_something_against_one_row(invoke_checked, sql):
    sql.execute("alter table amount rename to amounts")
    sql.execute("create view amount as select * from amounts where note <> 'bad' with check option")
    mine = [make_event(1, amount="1"), make_event(2, note="bad"), make_event(3, amount="1")]
    assert invoke_checked(batch_of(around(*mine))) == FINISHED
    check_blocked(sql, mine[1], "saving the order failed: 44000")


def test_a_row_is_too_large_for_an_index(invoke_checked, sql):
    """Random text, since what repeats itself is stored short."""
    sql.execute("alter table amount alter note type text")
    sql.execute("create index on amount (note)")
    large = "".join(random.Random(1).choices(string.ascii_letters, k=9_000))
    mine = [make_event(1, amount="1"), make_event(2, note=large), make_event(3, amount="1")]
    assert invoke_checked(batch_of(around(*mine))) == FINISHED
    check_blocked(sql, mine[1], "saving the order failed: 54000")


def test_a_trigger_that_has_something_against_everything_stops_the_code(invoke_checked, sql):
    """Bounded by the count of orders that fail while none succeeds; nothing more is parked."""
    sql.execute(ON_ONE.format("return new", "trigger", "before", "").replace("'bad'", "'never'"))
    sql.execute(
        "create or replace function opinion() returns trigger language plpgsql as"
        " $$ begin raise exception 'not today'; end $$"
    )
    answer = invoke_checked(batch_of(around(), start=9))
    assert answer != FINISHED
    tables = read_tables(sql)
    assert tables.ledger == {}
    assert len(tables.lot) < 5
    sql.execute("drop trigger opinion on amount")
    assert invoke_checked(batch_of(around(), start=9)) == FINISHED


@pytest.mark.parametrize("row", ["unloadable", "divided"])
def test_trap_12_load_fails_for_one_order(invoke_checked, sql, row):
    assert invoke_checked(batch_of([make_event(1, note=row)])) == FINISHED
    sent = around(make_event(2, amount="1"), make_event(3, amount="1"))
    assert invoke_checked(batch_of(sent, start=50)) == FINISHED
    assert totals(sql) == OTHERS | {"A": "0.00"}
    tables = read_tables(sql)
    assert [(e.kind, e.reason) for e in tables.lot["A"]] == [
        ("blocker", "data_error"),
        ("follower", "follows"),
    ]
    assert set(tables.lot) == {"A"}


def test_trap_12_several_at_once(invoke_checked, sql):
    bad = [make_event(1, order_id=f"bad-{i}", amount="-1") for i in range(3)]
    worse = [make_event(2, order_id="A", note="x" * 21), make_event(1, order_id="A", amount="1")]
    assert invoke_checked(batch_of(around(*bad, *worse[::-1]))) == FINISHED
    assert totals(sql) == OTHERS | {"A": "1.00"}
    assert set(read_tables(sql).lot) == {"A", "bad-0", "bad-1", "bad-2"}


def test_an_entry_of_the_lot_that_cannot_be_saved_is_found_in_the_drain(invoke_checked, sql):
    early = [make_event(v, amount="1") for v in (2, 3, 5, 6)] + [make_event(4, amount="-90")]
    assert invoke_checked(batch_of(early)) == FINISHED
    assert invoke_checked(batch_of(around(make_event(1, amount="1")), start=50)) == FINISHED
    assert totals(sql) == OTHERS | {"A": "3.00"}
    tables = read_tables(sql)
    assert tables.heads["A"] == (True, 3, "parked")
    assert [(e.rank, e.kind) for e in tables.lot["A"]] == [
        (4, "blocker"),
        (5, "gap"),
        (6, "gap"),
    ]


def test_a_redelivery_finds_all_of_it_done(invoke_checked, sql):
    sent = batch_of(around(make_event(1, amount="1"), make_event(2, amount="-5")))
    assert invoke_checked(sent) == FINISHED
    before = read_tables(sql)
    assert invoke_checked(sent) == FINISHED
    assert read_tables(sql) == before


def test_the_projection_that_is_shipped_parks_what_python_cannot_read_back(database_url, sql):
    """A time before the year 1, which a zone can make: PostgreSQL stores it, datetime cannot."""
    first = encode_event(make_event(1, type="OrderPlaced")).replace(
        b"2026-05-04T12:00:00Z", b"0001-01-01T00:00:00+05:00"
    )
    second = encode_event(make_event(2, type="OrderShipped"))
    beside = encode_event(make_event(1, order_id="B", type="OrderPlaced"))
    with environment(database_url, PROJECTION="consumer.orders:Orders") as invoke:
        assert invoke(batch(("A", first))) == FINISHED
        assert invoke(batch(("A", second), ("B", beside), start=5)) == FINISHED
    tables = read_tables(sql)
    assert [(e.kind, e.reason) for e in tables.lot["A"]] == [("blocker", "data_error")]
    assert tables.heads["B"] == (True, 1, "open")


@pytest.mark.parametrize(
    "statement",
    [
        "alter table amount rename to elsewhere",
        "alter table amount drop column note cascade",
    ],
)
def test_a_table_that_is_not_as_the_projection_needs_it_parks_nothing(
    invoke_checked, sql, statement
):
    sql.execute(statement)
    assert invoke_checked(batch_of(around(), start=9)) == {
        "batchItemFailures": [{"itemIdentifier": "9"}]
    }
    tables = read_tables(sql)
    assert (tables.ledger, tables.lot) == ({}, {})
