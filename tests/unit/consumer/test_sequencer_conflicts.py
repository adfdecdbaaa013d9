"""Conflicts and kinds along a lane, and ranks where a version cannot give one."""

import pytest

from consumer.order import Decided, Fact, Head, Kind, Order, Reason, State
from consumer.sequencer import decide
from contract import Position
from contract.event import MAX_VERSION
from tests.consuming.events import apply_unless_refused, arrive, id_of, make_event, versions


def take(*lane, order: Order | None = None) -> Decided:
    return decide(order or Order(head=Head(order_id="A")), lane, apply_unless_refused, drain=100)


def reasons(decided: Decided) -> list[tuple[Kind, Reason]]:
    return [(entry.kind, entry.failure.reason) for entry in decided.parked]


CONFLICT = [(Kind.BLOCKER, Reason.CONFLICT)]


def test_trap_13_one_id_as_version_3_and_as_version_5():
    lane = [
        *versions(1, 2, 3),
        arrive(9, make_event(4)),
        arrive(10, make_event(5, name=3)),
    ]
    decided = take(*lane)
    assert reasons(decided) == CONFLICT
    assert decided.head.ordinal == 4
    assert decided.parked[0].failure.detail == (
        f"id {id_of(('A', 3))} is already known as version 3"
    )


def test_trap_13_the_same_id_with_other_data():
    decided = take(*versions(1, 2), arrive(9, make_event(2, other="data")))
    assert reasons(decided) == CONFLICT
    assert decided.parked[0].failure.detail == (
        f"id {id_of(('A', 2))} is already known with other content"
    )


def test_trap_13_the_same_id_with_another_type():
    decided = take(*versions(1, 2), arrive(9, make_event(2, type="correction")))
    assert reasons(decided) == CONFLICT


def test_trap_13_the_same_version_with_other_content_under_a_new_id():
    decided = take(*versions(1, 2), arrive(9, make_event(2, name="new", other="data")))
    assert reasons(decided) == CONFLICT
    assert decided.parked[0].failure.detail == (
        f"version 2 is already known: id {id_of(('A', 2))}, other content"
    )


def test_trap_13_the_same_version_and_content_under_a_new_id_is_skipped():
    decided = take(*versions(1, 2), arrive(9, make_event(2, name="new")))
    assert not decided.parked
    assert decided.duplicates == 1


def test_trap_13_without_versions_the_same_id_with_other_data():
    lane = [arrive(1, make_event(name="a")), arrive(2, make_event(name="a", other="data"))]
    decided = take(*lane)
    assert reasons(decided) == CONFLICT
    assert decided.head.ordinal == 1


def test_without_versions_the_same_content_under_a_new_id_is_another_event():
    lane = [arrive(1, make_event(name="a")), arrive(2, make_event(name="b"))]
    assert take(*lane).head.ordinal == 2


def test_spacing_and_key_order_make_no_conflict():
    event = make_event(1, first=1, second=2)
    other = (
        f'{{"version": 1, "data": {{"second": 2, "first": 1}}, "time": "2026-05-04T12:00:00Z",'
        f' "order_id": "A", "type": "note", "source": "tests", "id": "{event.id}"}}'
    ).encode()
    decided = take(arrive(1, event), arrive(2, other))
    assert decided.duplicates == 1
    assert not decided.parked


def test_a_conflict_with_what_waits_in_the_lot():
    waits = arrive(5, make_event(6))
    order = Order(
        head=Head(order_id="A", versioned=True, ordinal=2, state=State.PARKED),
        facts=(Fact(waits.event.id, 6, waits.digest),),
        blocked=True,
        last_rank=6,
    )
    decided = take(arrive(9, make_event(6, name="other", other="data")), order=order)
    assert reasons(decided) == CONFLICT
    assert decided.parked[0].rank == 6


def test_the_event_in_conflict_is_a_duplicate_when_it_comes_again():
    lane = [*versions(1, 2), arrive(9, make_event(2, other="data"))]
    again = arrive(19, make_event(2, other="data"))
    decided = take(*lane, again)
    assert reasons(decided) == CONFLICT
    assert decided.duplicates == 1


def test_a_conflict_blocks_what_follows():
    lane = [*versions(1, 2), arrive(9, make_event(2, other="data")), arrive(10, make_event(3))]
    decided = take(*lane)
    assert decided.head.ordinal == 2
    assert reasons(decided) == [*CONFLICT, (Kind.FOLLOWER, Reason.FOLLOWS)]


def test_trap_19_an_unversioned_event_for_a_versioned_order():
    decided = take(*versions(1, 2), arrive(9, make_event(name="plain")), arrive(10, make_event(3)))
    assert reasons(decided) == [
        (Kind.BLOCKER, Reason.WRONG_KIND),
        (Kind.FOLLOWER, Reason.FOLLOWS),
    ]
    assert [entry.rank for entry in decided.parked] == [3, 3]


def test_trap_19_a_versioned_event_for_an_unversioned_order():
    lane = [arrive(1, make_event(name="plain")), arrive(2, make_event(7))]
    decided = take(*lane)
    assert reasons(decided) == [(Kind.BLOCKER, Reason.WRONG_KIND)]
    assert decided.parked[0].rank == 2


def test_trap_19_a_duplicate_inside_one_batch():
    decided = take(*versions(1, 2, 1, 2, 3))
    assert decided.duplicates == 2
    assert decided.head.ordinal == 3


def test_an_order_whose_first_bytes_nobody_can_read_learns_its_kind_later():
    decided = take(arrive(1, b"no event"), arrive(2, make_event(1)), arrive(3, make_event(2)))
    assert reasons(decided) == [
        (Kind.BLOCKER, Reason.UNREADABLE),
        (Kind.FOLLOWER, Reason.FOLLOWS),
        (Kind.FOLLOWER, Reason.FOLLOWS),
    ]
    assert [entry.rank for entry in decided.parked] == [1, 1, 2]
    assert decided.head.versioned is True


@pytest.mark.parametrize("late", [b"no event", make_event(name="plain")])
def test_behind_the_largest_version_there_is_still_a_rank(late):
    decided = take(arrive(1, make_event(MAX_VERSION)), arrive(2, late), arrive(3, b"nor this"))
    assert [entry.rank for entry in decided.parked] == [MAX_VERSION] * 3
    assert [entry.arrival.position for entry in decided.parked] == [
        Position(1),
        Position(2),
        Position(3),
    ]
