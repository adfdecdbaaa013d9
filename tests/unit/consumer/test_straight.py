"""Lanes that can only be walked straight ahead, and what ends a walk."""

import pytest

from consumer.order import Failure, Head, Reason, State
from consumer.straight import straight, walk
from contract import Position
from tests.consuming.events import REFUSED, apply_unless_refused, arrive, make_event, versions

OPEN = Head(order_id="A", versioned=True, ordinal=2, position=Position(20))


def lane(*numbers: int, start: int = 30):
    return [arrive(start + n, make_event(n)) for n in numbers]


def test_the_very_next_versions_of_an_open_order():
    assert straight(OPEN, lane(3, 4, 5))
    assert straight(Head(order_id="A"), lane(1, 2))


@pytest.mark.parametrize(
    "head",
    [
        Head(order_id="A", versioned=True, ordinal=2, state=State.GAP),
        Head(order_id="A", versioned=True, ordinal=2, state=State.PARKED),
        Head(order_id="A", versioned=False, ordinal=2),
        # What an operator has skipped or edited may come again as it was, at any version.
        Head(order_id="A", versioned=True, ordinal=2, decided=True),
    ],
)
def test_an_order_of_which_more_has_to_be_known(head):
    assert not straight(head, lane(3))


@pytest.mark.parametrize("numbers", [(2, 3), (4,), (3, 5), (3, 3), (3, 2)])
def test_versions_behind_ahead_and_twice(numbers):
    assert not straight(OPEN, lane(*numbers))


@pytest.mark.parametrize("odd", [b"no event", make_event(name="unversioned")])
def test_what_has_no_version(odd):
    assert not straight(OPEN, [*lane(3), arrive(40, odd)])


def test_a_walk_moves_the_head_to_its_last_event():
    arrivals = lane(3, 4)
    walked = walk(OPEN, arrivals, apply_unless_refused)
    assert walked.failure is None
    decided = walked.decided()
    assert [(e.arrival, e.ordinal) for e in decided.applied] == [(arrivals[0], 3), (arrivals[1], 4)]
    assert decided.head == Head(
        order_id="A", versioned=True, ordinal=4, position=arrivals[1].position
    )


def test_the_head_keeps_the_highest_position_of_the_stream():
    late = lane(3, start=5)
    assert walk(OPEN, late, apply_unless_refused).decided().head.position == Position(20)


def test_a_failure_ends_the_walk_and_is_not_met_again():
    """Half done as it may be, the event could well be let through the second time."""
    arrivals = [*lane(3), arrive(40, make_event(4, type=REFUSED)), *lane(5, start=45)]
    walked = walk(OPEN, arrivals, apply_unless_refused)
    assert walked.failure == apply_unless_refused(arrivals[1])
    assert [entry.ordinal for entry in walked.applied] == [3]
    assert walked.head.ordinal == 3
    assert list(walked.rest) == arrivals[1:]
    met = []

    def apply(arrival) -> Failure | None:
        met.append(arrival)
        return None

    applying = walked.applying(apply)
    assert applying(arrivals[1]) == walked.failure
    assert applying(arrivals[2]) is None
    assert met == [arrivals[2]]


def test_a_failure_at_once_leaves_the_head_where_it_is():
    walked = walk(OPEN, [arrive(40, make_event(3, type=REFUSED))], apply_unless_refused)
    assert walked.head == OPEN
    assert walked.failure is not None
    assert walked.failure.reason is Reason.REJECTED
    assert walked.applied == ()


def test_a_lane_of_an_order_that_is_new():
    walked = walk(Head(order_id="A"), versions(1, 2, 3), apply_unless_refused)
    assert walked.head.versioned is True
    assert walked.head.ordinal == 3
