"""Rows 10 to 12 of the state machine on a real database, and traps 1, 16, 17, 18, 19."""

import pytest

from contract import encode_event
from ops import deciding
from ops.deciding import Reasoned, UnknownEntry
from ops.decisions import Refused
from tests.consuming.events import REFUSED, make_event
from tests.operating.world import World

WHY = Reasoned(who="somebody@here", because="the customer called")


@pytest.fixture
def world(database_url):
    made = World(database_url)
    yield made
    made.close()


def skip(world, entry_id, **given):
    return deciding.skip(world.database, entry_id, WHY, **given)


def edit(world, entry_id, event):
    raw = event if event is None or isinstance(event, bytes) else encode_event(event)
    return deciding.edit(world.database, entry_id, raw, WHY)


def close(world, up_to, order_id="A"):
    return deciding.close_gap(world.database, order_id, up_to, WHY)


def test_a_skipped_event_leaves_its_place_to_a_row_that_says_so(world):
    events = [make_event(v, type=REFUSED if v == 2 else "note") for v in range(1, 5)]
    world.live(*events)
    decision = skip(world, world.entries()[0])
    assert decision.goes_on
    assert world.head() == ("parked", 2)
    world.redrive()
    assert (world.head(), world.names()) == (("open", 4), ["1", "3", "4"])
    assert world.rows(
        "select ordinal, id, skipped_because from inorder.ledger where ordinal = 2"
    ) == [(2, None, WHY.because)]
    ((who, why, action, state, ordinal, up_to),) = world.rows(
        "select decided_by, because, action, state_before, ordinal_before, up_to "
        "from inorder.decision"
    )
    assert (who, why, action) == (WHY.who, WHY.because, "skip")
    assert (state, ordinal, up_to) == ("parked", 1, 2)


def test_a_skipped_event_that_comes_again_is_recognised(world):
    bad = make_event(1, type=REFUSED)
    world.live(bad, make_event(2))
    skip(world, world.entries()[0])
    world.redrive()
    again = world.live(bad, at=1)
    assert again.committed[0].duplicates == 1
    sent_again = world.live(make_event(1, name="new id", type=REFUSED))
    assert sent_again.committed[0].duplicates == 1, "the same version and content, a new id"
    assert (world.head(), world.lot()) == (("open", 2), [])


def test_a_corrected_event_for_a_skipped_version_is_kept_as_a_stray(world):
    world.live(make_event(1, type=REFUSED))
    skip(world, world.entries()[0])
    world.live(make_event(1, corrected=True), make_event(2))
    assert world.head() == ("open", 2)
    assert [row[:2] for row in world.lot()] == [("stray", "unproven")]


def test_skipped_bytes_that_come_again_are_recognised(world):
    world.live(make_event(1), b"garbage", make_event(2))
    assert world.lot()[0][:2] == ("blocker", "unreadable")
    skip(world, world.entries()[0])
    world.redrive()
    assert (world.head(), world.names()) == (("open", 2), ["1", "2"])
    again = world.live(b"garbage", at=2)
    assert again.committed[0].duplicates == 1
    assert (world.head(), world.lot()) == (("open", 2), [])


def test_trap_17_unreadable_bytes_are_skipped_with_their_version(world):
    world.live(*(make_event(v) for v in range(1, 5)), b"was version 5", make_event(6))
    skip(world, world.entries()[0], version=5)
    world.redrive()
    assert (world.head(), world.names()) == (("open", 6), ["1", "2", "3", "4", "6"])


def test_trap_17_or_skipped_without_it_and_the_gap_closed(world):
    world.live(make_event(1), b"was version 2", make_event(3))
    assert not skip(world, world.entries()[0]).goes_on
    assert world.head() == ("gap", 1)
    assert close(world, 2).goes_on
    world.redrive()
    assert (world.head(), world.names()) == (("open", 3), ["1", "3"])


def test_trap_17_a_version_that_nobody_ever_sends(world):
    world.live(make_event(1), make_event(5), make_event(6))
    with pytest.raises(Refused, match="close the gap up to 4"):
        close(world, 5)
    close(world, 3)
    assert world.head() == ("gap", 3)
    close(world, 4)
    world.redrive()
    assert (world.head(), world.names()) == (("open", 6), ["1", "5", "6"])


def test_trap_17_an_order_first_seen_at_version_37(world):
    world.live(make_event(37), make_event(38), make_event(1, order_id="B"))
    refused = deciding.import_heads(world.database, [("A", 36), ("B", 5), ("C", 12)], WHY)
    assert [order_id for order_id, _ in refused] == ["B"]
    world.redrive()
    assert (world.head(), world.names()) == (("open", 38), ["37", "38"])
    world.live(make_event(13, order_id="C"))
    assert world.head("C") == ("open", 13)
    world.live(make_event(12, order_id="C"))
    assert world.lot("C")[0][:2] == ("stray", "unproven")


def test_trap_18_a_stray_of_no_order_is_skipped_and_recognised(world):
    world.live(b"garbage", key="")
    (entry_id,) = world.entries(None)
    skip(world, entry_id)
    world.live(b"garbage", at=1, key="")
    assert world.lot(None) == []
    world.live(b"other garbage", at=7, key="")
    assert len(world.lot(None)) == 1


def test_trap_19_an_event_of_the_wrong_kind_is_skipped_and_may_come_again_with_a_version(world):
    world.live(make_event(1), make_event(None, name="two"), make_event(3))
    assert world.lot()[0][:2] == ("blocker", "wrong_kind")
    assert "skip it, or edit it" in world.redrive().refused.failure.detail
    skip(world, world.entries()[0])
    assert world.head() == ("gap", 1)
    world.live(make_event(2, name="two"))
    assert (world.head(), world.names()) == (("open", 3), ["1", "2", "3"])


def test_trap_1_an_overtaken_event_is_applied_late_only_if_an_operator_answers_for_it(world):
    first, second = make_event(name="one"), make_event(name="two")
    world.live(second, at=2)
    world.live(first, at=1)
    world.live(make_event(name="three"), at=3)
    assert [row[:2] for row in world.lot()] == [("blocker", "overtaken"), ("follower", "follows")]
    assert world.redrive().refused.failure.reason == "overtaken"
    edit(world, world.entries()[0], None)
    assert world.redrive().applied == 2
    assert world.head() == ("open", 3)
    assert world.live(first, at=1).committed[0].duplicates == 1


def test_what_was_overtaken_by_nothing_but_a_skipped_event_heals(world):
    world.live(make_event(name="two", type=REFUSED), at=2)
    world.live(make_event(name="one"), at=1)
    assert [row[1] for row in world.lot()] == ["rejected", "overtaken"]
    skip(world, world.entries()[0])
    assert world.redrive().applied == 1
    assert world.head() == ("open", 2)


def test_an_edited_event_is_applied_and_its_original_recognised(world):
    bad = make_event(2, type=REFUSED)
    world.live(make_event(1), bad, make_event(3))
    decision = edit(world, world.entries()[0], make_event(2, name="corrected"))
    assert decision.goes_on
    assert world.lot()[0] == ("blocker", "edited", 0, 2)
    assert world.live(bad, at=2).committed[0].duplicates == 1
    world.redrive()
    assert (world.head(), world.names()) == (("open", 3), ["1", "2", "3"])
    assert world.live(bad, at=2).committed[0].duplicates == 1
    assert world.lot() == []
    ((payload, digest),) = world.rows("select payload, digest from inorder.decision")
    assert (bytes(payload), digest is None) == (encode_event(bad), False)


def test_an_edit_may_move_an_event_to_its_real_version(world):
    world.live(make_event(1), make_event(1, name="x", other=1), make_event(2))
    assert world.lot()[0][:2] == ("blocker", "conflict")
    with pytest.raises(Refused, match="version 2 waits in the lot"):
        edit(world, world.entries()[0], make_event(2, name="x", other=1))
    edit(world, world.entries()[0], make_event(3, name="x", other=1))
    assert world.head() == ("parked", 1), "version 2 is next and nothing blocks it"
    world.redrive()
    assert world.head() == ("open", 3)


def test_of_two_events_with_one_version_one_is_skipped_and_the_other_takes_the_place(world):
    world.live(make_event(1, type=REFUSED), make_event(1, name="x", other=1))
    assert [row[1] for row in world.lot()] == ["rejected", "conflict"]
    skip(world, world.entries()[0])
    assert world.head() == ("parked", 0)
    assert world.redrive().applied == 1
    assert world.head() == ("open", 1)


def test_only_the_next_place_can_be_passed_over(world):
    world.live(make_event(1, type=REFUSED), make_event(2))
    with pytest.raises(Refused, match="its turn has not come"):
        skip(world, world.entries()[1])
    assert len(world.lot()) == 2
    assert world.rows("select * from inorder.decision") == []


def test_an_entry_that_is_gone_is_an_error(world):
    with pytest.raises(UnknownEntry, match="99"):
        skip(world, 99)
    with pytest.raises(UnknownEntry, match="99"):
        edit(world, 99, None)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (b"garbage", "cannot be read either"),
        (make_event(2, order_id="B"), "belongs to order 'A'"),
        (make_event(name="x"), "needs a version"),
        (make_event(1, name="x"), "lies behind"),
    ],
)
def test_an_edit_that_could_never_apply_is_refused(world, event, says):
    world.live(make_event(1), make_event(2, type=REFUSED))
    with pytest.raises(Refused, match=says):
        edit(world, world.entries()[0], event)
    assert world.lot() == [("blocker", "rejected", 0, 2)]


@pytest.mark.parametrize(
    ("up_to", "says"), [(1, "already"), (20_000, "import a head"), (3, "close the gap up to 2")]
)
def test_a_gap_that_cannot_be_closed_says_why(world, up_to, says):
    world.live(make_event(1), make_event(3 if up_to < 20_000 else 30_000))
    with pytest.raises(Refused, match=says):
        close(world, up_to)


def test_gaps_need_versions(world):
    world.live(make_event(name="one"))
    with pytest.raises(Refused, match="carry no versions"):
        close(world, 5)
