"""The table of `consumer.redrive`, row by row."""

import msgspec
import pytest

from consumer.order import Fact, Failure, Head, Kind, Reason, State, Waiting
from consumer.redrive.turn import Lot, state_after, take_turn
from contract import Position
from tests.consuming.events import REFUSED, apply_unless_refused, arrive, id_of, make_event

BROKEN = Failure(Reason.DATA_ERROR, "saving the order failed")


def entry(arrival, *, rank=None, kind=Kind.FOLLOWER, reason=Reason.FOLLOWS, entry_id=None):
    place = rank or arrival.version or 1
    return Waiting(
        arrival=arrival,
        rank=place,
        kind=kind,
        failure=Failure(reason, "why"),
        entry_id=entry_id or 100 + place,
    )


def blocker(arrival, reason=Reason.REJECTED, **given):
    return entry(arrival, kind=Kind.BLOCKER, reason=reason, **given)


def version(number, **given):
    return arrive(number, make_event(number, **given))


def head(ordinal=0, *, versioned=True, order_id="A"):
    return Head(
        order_id=order_id,
        versioned=versioned,
        ordinal=ordinal,
        position=Position(50),
        state=State.PARKED,
    )


def turn(*entries, at=None, blame=None, **lot):
    lot.setdefault("facts", ())
    return take_turn(
        Lot(head=at or head(), entries=entries, **lot), apply_unless_refused, blame=blame
    )


def test_the_next_one_applies_and_so_do_those_behind_it():
    done = turn(blocker(version(1)), entry(version(2)))
    assert [one.ordinal for one in done.applied] == [1, 2]
    assert done.removed == (101, 102)
    assert (done.head.ordinal, done.head.state) == (2, State.OPEN)
    assert not done.goes_on


def test_the_first_that_fails_stays_the_blocker_and_ends_the_turn():
    done = turn(blocker(version(1, type=REFUSED)), entry(version(2)))
    assert done.refused.failure.reason == "rejected"
    assert (done.applied, done.removed, done.goes_on) == ((), (), False)
    assert done.head.state is State.PARKED


def test_a_follower_that_fails_becomes_the_blocker():
    done = turn(blocker(version(1)), entry(version(2, type=REFUSED)), entry(version(3)))
    assert (done.refused.kind, done.refused.arrival.version) == (Kind.BLOCKER, 2)
    assert done.removed == (101,)
    assert done.head.state is State.PARKED


def test_with_blame_the_first_is_not_applied():
    done = turn(blocker(version(1)), entry(version(2)), blame=BROKEN)
    assert done.refused.failure == BROKEN
    assert done.applied == ()


def test_a_proven_duplicate_is_removed():
    first = version(1)
    fact = Fact(id_of(("A", 1)), 1, first.digest)
    done = turn(blocker(first), entry(version(2)), at=head(1), facts=(fact,))
    assert (done.removed, [one.ordinal for one in done.applied]) == ((101, 102), [2])
    assert done.duplicates == 1


def test_a_missing_version_ends_the_turn_and_counts_no_attempt():
    done = turn(blocker(version(1)), entry(version(3), kind=Kind.GAP, reason=Reason.EARLY))
    assert (done.waits_for, done.refused, done.head.state) == (2, None, State.GAP)
    assert not done.goes_on


def test_a_blocker_behind_a_missing_version_keeps_the_order_parked():
    done = turn(blocker(version(3)), at=head(1))
    assert (done.waits_for, done.head.state) == (2, State.PARKED)


def test_a_blocker_behind_those_that_were_read_keeps_the_order_parked():
    done = turn(blocker(version(1)), entry(version(3)), more=True, blocked_behind=True)
    assert (done.waits_for, done.head.state) == (2, State.PARKED)


def test_more_behind_goes_on():
    done = turn(blocker(version(1)), more=True)
    assert (done.goes_on, done.head.state) == (True, State.PARKED)


@pytest.mark.parametrize(
    ("waiting", "at", "facts", "reason", "says"),
    [
        (arrive(5, b"garbage"), head(), (), "unreadable", "not JSON"),
        (arrive(5, make_event(1, order_id="B")), head(), (), "unreadable", "of order 'B'"),
        (arrive(5, make_event()), head(), (), "wrong_kind", "skip it, or edit it"),
        (version(1), head(3, versioned=False), (), "wrong_kind", "skip it, or edit it"),
        (version(2), head(3), (), "conflict", "behind the order's 3"),
        (version(1), head(1), (Fact(id_of("x"), 1, 7),), "conflict", "skip it, or edit it"),
    ],
)
def test_what_cannot_heal_stays_and_says_what_to_do(waiting, at, facts, reason, says):
    done = turn(blocker(waiting, reason=Reason.UNREADABLE), at=at, facts=facts)
    assert done.refused.failure.reason == reason
    assert says in done.refused.failure.detail
    assert done.head.state is State.PARKED
    assert done.applied == ()


@pytest.mark.parametrize(
    ("reason", "highest", "applies"),
    [
        (Reason.OVERTAKEN, Position(9), False),
        (Reason.OVERTAKEN, Position(3), True),
        (Reason.OVERTAKEN, None, True),
        (Reason.EDITED, Position(9), True),
    ],
)
def test_an_overtaken_event_applies_only_if_nothing_later_was_or_somebody_answers_for_it(
    reason, highest, applies
):
    waiting = blocker(arrive(5, make_event(name="late")), reason=reason)
    done = turn(waiting, at=head(versioned=False), highest_applied=highest)
    assert bool(done.applied) is applies
    assert (done.refused is None) is applies


def test_bytes_that_can_be_read_now_take_their_real_place():
    done = turn(blocker(version(4), rank=1, reason=Reason.UNREADABLE), entry(version(1)))
    assert (done.moved.rank, done.moved.kind) == (4, Kind.GAP)
    assert done.goes_on
    assert done.head.state is State.PARKED


def test_bytes_that_can_be_read_now_and_are_next_apply():
    done = turn(blocker(version(1), rank=1, reason=Reason.UNREADABLE), at=head(versioned=None))
    assert (done.head.ordinal, done.head.versioned) == (1, True)


def test_the_first_readable_event_says_whether_the_order_has_versions():
    waiting = blocker(arrive(1, make_event()), reason=Reason.UNREADABLE)
    assert turn(waiting, at=head(versioned=None)).head.versioned is False


@pytest.mark.parametrize(
    ("waiting", "given", "state"),
    [
        ((), {}, State.OPEN),
        ((), {"more": True}, State.PARKED),
        ((entry(version(2)),), {}, State.PARKED),
        ((entry(version(3)),), {}, State.GAP),
        ((entry(version(3)),), {"blocked_behind": True}, State.PARKED),
        ((entry(version(3)), blocker(version(5))), {}, State.PARKED),
    ],
)
def test_the_state_follows_from_what_is_left(waiting, given, state):
    assert state_after(head(1), waiting, **given) is state
    without = msgspec.structs.replace(head(1), versioned=False)
    assert state_after(without, waiting, **given) in (State.OPEN, State.PARKED)


def test_an_event_that_the_same_turn_leaves_behind_is_overtaken():
    """What stands later on the stream came first, was parked, and applies now."""
    later = arrive(9, make_event(name="later"))
    late = arrive(5, make_event(name="late"))
    done = turn(
        blocker(later, Reason.FAILED, rank=1),
        blocker(late, Reason.OVERTAKEN, rank=2),
        at=head(versioned=False),
    )
    assert [one.arrival for one in done.applied] == [later]
    assert done.refused.failure.reason is Reason.OVERTAKEN
    assert done.head.state is State.PARKED
