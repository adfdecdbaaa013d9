"""The auditor on tables that were damaged by hand: each damage is found and named."""

from pathlib import Path

import pytest

from consumer.audit.auditor import Auditor, Scope
from consumer.audit.tables import Tables
from consumer.database import Database
from consumer.settings import Settings
from consumer.sql import read_statements
from ops import deciding
from ops.deciding import Reasoned
from tests.consuming.events import REFUSED, make_event
from tests.operating.world import World

WHY = Reasoned(who="somebody", because="for the test")

NEW_ONLY = Scope(sweep=0)
FULL = Scope(full=True)


@pytest.fixture
def world(database_url):
    """Every kind of order there is: A open, P parked, G in a gap, U without versions, S with a
    skipped event, J joined in mid-stream, L with an overtaken event that an operator let in.
    """
    made = World(database_url)
    made.live(
        *(make_event(v, order_id="A") for v in range(1, 6)),
        *(make_event(v, order_id="P", type=REFUSED if v == 2 else "note") for v in range(1, 5)),
        *(make_event(v, order_id="G") for v in (1, 3, 4)),
        *(make_event(name=n, order_id="U") for n in "abcd"),
        *(make_event(v, order_id="S", type=REFUSED if v == 1 else "note") for v in (1, 2)),
        make_event(name="late", order_id="L"),
    )
    made.live(make_event(name="early", order_id="L"), at=0)
    made.live(make_event(1, order_id="P", other="content"), b"garbage", key="")
    deciding.skip(made.database, made.entries("S")[0], WHY)
    made.redrive("S")
    deciding.edit(made.database, made.entries("L")[0], None, WHY)
    made.redrive("L")
    deciding.import_heads(made.database, [("J", 36)], WHY)
    made.live(make_event(37, order_id="J"), make_event(38, order_id="J"))
    yield made
    made.close()


def audit(world, scope):
    database = Database(Settings(database_url=world.url))
    try:
        return Auditor(Tables(database)).run(scope)
    finally:
        database.close()


def found(audit):
    return {(fault.order_id, fault.name) for fault in audit.faults}


@pytest.mark.parametrize("scope", [NEW_ONLY, Scope(), FULL], ids=["new", "swept", "full"])
def test_sound_tables_are_sound(world, scope):
    result = audit(world, scope)
    assert result.faults == ()
    assert result.finished
    assert result.rows == 17
    assert result.waiting.orders_parked == 1
    assert result.waiting.orders_in_gap == 1
    assert result.waiting.strays_waiting == 1
    assert result.lag_seconds < 5


DAMAGES = read_statements(Path(__file__).with_name("damages.sql"))

EXPECTED = {
    "a_row_in_the_middle_is_gone": ("A", "gap"),
    "the_first_row_is_gone": ("A", "gap"),
    "the_last_row_is_gone": ("A", "gap"),
    "the_first_row_of_a_joined_order_is_gone": ("J", "gap"),
    "the_head_went_back": ("A", "beyond_head"),
    "the_head_went_ahead": ("A", "gap"),
    "the_head_is_gone": ("A", "head_missing"),
    "the_head_of_a_parked_order_is_gone": ("P", "head_missing"),
    "a_row_is_there_twice": ("A", "double"),
    "one_event_has_two_places": ("A", "double"),
    "an_applied_event_waits_too": ("P", "double"),
    "one_event_waits_twice": ("G", "double"),
    "two_rows_changed_places_in_time": ("A", "inversion"),
    "two_rows_changed_places_on_the_stream": ("U", "inversion"),
    "the_head_forgot_what_it_has_taken_in": ("A", "position"),
    "a_waiting_event_that_the_head_has_not_seen": ("P", "position"),
    "a_parked_order_was_opened": ("P", "state"),
    "an_open_order_was_parked": ("A", "state"),
    "an_order_in_a_gap_was_parked": ("G", "state"),
    "the_lot_of_a_parked_order_was_emptied": ("P", "state"),
    "a_blocker_became_a_follower": ("P", "kind"),
    "a_waiting_event_lost_its_place": ("P", "kind"),
    "the_bytes_of_a_waiting_event_are_gone": ("G", "payload"),
    "an_order_forgot_whether_it_has_versions": ("A", "kind"),
    "a_place_was_passed_over_by_nobody": ("S", "decision"),
    "an_order_forgot_that_an_operator_decided": ("S", "decision"),
    "a_row_before_the_beginning": ("J", "before_beginning"),
}

ONLY_SWEPT = {"an_order_forgot_that_an_operator_decided"}
"""Seen by who looks at the head of an order at rest: the sweep, not the newest rows."""

WITHOUT_HEAD = {"the_head_is_gone"}
"""Rows that a walk along the heads does not meet; the newest rows say it, and so does the lot."""


def test_every_damage_is_expected_somewhere():
    assert DAMAGES.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_new_damage_is_found(world, name):
    world.sql.execute(DAMAGES[name])
    result = audit(world, Scope() if name in ONLY_SWEPT else NEW_ONLY)
    assert EXPECTED[name] in found(result)
    assert {order_id for order_id, _ in found(result)} == {EXPECTED[name][0]}


@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - WITHOUT_HEAD))
def test_damage_to_old_rows_is_found_by_a_full_audit(world, name):
    world.sql.execute("update inorder.ledger set applied_at = applied_at - interval '1 year'")
    assert audit(world, FULL).faults == ()
    world.sql.execute(DAMAGES[name])
    assert EXPECTED[name] in found(audit(world, FULL))


def test_a_fault_stays_reported_until_it_is_gone(world):
    world.sql.execute("update inorder.head set ordinal = 6 where order_id = 'A'")
    assert found(audit(world, NEW_ONLY)) == {("A", "gap")}
    world.sql.execute("update inorder.ledger set applied_at = applied_at - interval '1 year'")
    assert found(audit(world, NEW_ONLY)) == {("A", "gap")}
    world.sql.execute("update inorder.head set ordinal = 5 where order_id = 'A'")
    assert found(audit(world, NEW_ONLY)) == set()
    assert world.rows("select * from inorder.suspect") == []


def test_the_sweep_finds_old_damage_run_by_run(world):
    audit(world, NEW_ONLY)
    world.sql.execute(
        "update inorder.ledger set applied_at = applied_at - interval '1 year';"
        "delete from inorder.ledger where order_id = 'U' and ordinal = 2"
    )
    runs = [found(audit(world, Scope(sweep=2))) for _ in range(4)]
    assert runs[0] == set(), "A and G came first"
    assert runs[-1] == {("U", "gap")}
