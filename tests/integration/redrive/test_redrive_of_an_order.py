"""Rows 8 and 9 of the state machine on a real database, and trap 16."""

import pytest

from consumer.redrive.lots import UnknownOrder
from consumer.redrive.orders import redrive_order
from contract import encode_event
from tests.consuming.events import REFUSED, make_event
from tests.operating.world import World


@pytest.fixture
def world(database_url):
    made = World(database_url)
    yield made
    made.close()


def test_head_first_until_the_lot_is_empty(world):
    world.live(*(make_event(v, type=REFUSED if v == 2 else "note") for v in range(1, 7)))
    assert world.head() == ("parked", 1)
    world.notes.refuses = set()
    done = world.redrive(entries=2)
    assert (done.applied, done.refused) == (5, None)
    assert world.head() == ("open", 6)
    assert world.names() == ["1", "2", "3", "4", "5", "6"]
    assert world.lot() == []


def test_what_still_fails_counts_the_attempt_and_stops(world):
    world.live(*(make_event(v, type=REFUSED if v == 2 else "note") for v in range(1, 5)))
    for attempts in (1, 2):
        done = world.redrive()
        assert (done.applied, done.refused.failure.reason) == (0, "rejected")
        assert world.lot()[0] == ("blocker", "rejected", attempts, 2)
    assert world.head() == ("parked", 1)
    assert [row[0] for row in world.lot()] == ["blocker", "follower", "follower"]


def test_a_follower_that_fails_becomes_the_blocker_and_what_was_applied_stays(world):
    world.live(
        make_event(1, type=REFUSED),
        make_event(2),
        make_event(3, type="worse"),
        make_event(4),
    )
    world.notes.refuses = {"worse"}
    done = world.redrive()
    assert (done.applied, done.refused.arrival.version) == (2, 3)
    assert world.names() == ["1", "2"]
    assert world.lot() == [("blocker", "rejected", 1, 3), ("follower", "follows", 0, 4)]
    assert world.head() == ("parked", 2)


def test_trap_16_a_gap_behind_the_blocker_drains_when_the_missing_version_comes(world):
    world.live(make_event(3), make_event(4, type=REFUSED), at=1)
    world.live(make_event(1), make_event(2))
    world.live(make_event(6))
    assert world.head() == ("parked", 3)
    world.live(make_event(6), at=4)
    assert len(world.lot()) == 2, "a parked event that is delivered again is one entry"
    world.notes.refuses = set()
    done = world.redrive()
    assert (done.applied, done.waits_for, done.state) == (1, 5, "gap")
    world.live(make_event(5), at=90)
    assert world.names() == ["1", "2", "3", "4", "5", "6"]
    assert world.head() == ("open", 6)


@pytest.mark.parametrize("fault", ["breaks", "unstorable"])
def test_blame_is_that_of_live_traffic(world, fault):
    """A row that cannot be saved, or code that fails, blames that entry and leaves nothing."""
    world.live(*(make_event(v, type=REFUSED if v == 1 else f"t{v}") for v in range(1, 6)))
    world.notes.refuses = set()
    setattr(world.notes, fault, {"t4"})
    done = world.redrive()
    assert world.names() == ["1", "2", "3"]
    assert done.refused.failure.reason == {"breaks": "failed", "unstorable": "data_error"}[fault]
    assert world.head() == ("parked", 3)
    assert world.lot()[0][:3] == ("blocker", done.refused.failure.reason, 1)


def test_a_dry_run_says_what_would_happen_and_writes_nothing(world):
    world.live(*(make_event(v, type=REFUSED if v == 1 else "note") for v in range(1, 4)))
    before = world.lot()
    world.notes.refuses = set()
    done = world.redrive(dry_run=True)
    assert (done.applied, done.state) == (3, "open")
    assert (world.lot(), world.head(), world.names()) == (before, ("parked", 0), [])
    world.notes.refuses = {REFUSED}
    assert world.redrive(dry_run=True).refused is not None
    assert world.lot() == before


def test_large_events_are_read_a_few_at_a_time(world):
    world.live(
        *(make_event(v, type=REFUSED if v == 1 else "note", pad="x" * 900) for v in (1, 2, 3))
    )
    world.notes.refuses = set()
    turns = []
    redrive_order(world.means(bytes=1_000), "A", on_turn=turns.append)
    assert [len(turn.applied) for turn in turns] == [1, 1, 1]


def test_an_order_that_nobody_has_seen_is_an_error(world):
    with pytest.raises(UnknownOrder, match="'Z'"):
        world.redrive("Z")
    assert world.rows("select * from inorder.head") == []


@pytest.mark.parametrize(("version", "waits_for"), [(1, None), (3, 1)])
def test_an_order_that_is_not_parked_is_left_alone(world, version, waits_for):
    world.live(make_event(version))
    before = world.head(), world.lot()
    done = world.redrive()
    assert (done.applied, done.waits_for, done.refused) == (0, waits_for, None)
    assert (world.head(), world.lot()) == before


def test_bytes_that_can_be_read_now_take_their_own_place_and_wait_for_what_is_missing(world):
    """As when a newer contract reads what an older one could not."""
    world.live(make_event(1), b"garbage")
    assert world.lot() == [("blocker", "unreadable", 0, 2)]
    world.sql.execute("update inorder.parking_lot set payload = %s", [encode_event(make_event(4))])
    done = world.redrive()
    assert (done.applied, done.refused) == (0, None)
    assert world.lot() == [("gap", "early", 0, 4)]
    assert world.head() == ("gap", 1)
    world.live(make_event(2), make_event(3))
    assert world.names() == ["1", "2", "3", "4"]
