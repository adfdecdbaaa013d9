"""Draining: what waited in the lot is applied as soon as nothing hinders it, so much at a time."""

import msgspec
import pytest

from consumer.order import Decided, Fact, Failure, Head, Kind, Order, Reason, State, Waiting
from consumer.sequencer import decide
from contract import Position
from tests.consuming.events import REFUSED, apply_unless_refused, arrive, make_event

BLAME = Failure(Reason.DATA_ERROR, "saving the order failed")


def lot(*events, kind: Kind = Kind.GAP, first_rank: int | None = None) -> tuple[Waiting, ...]:
    """Entries with these events, their entry_id 100 and up, at positions 50 and up."""
    return tuple(
        Waiting(
            arrival=arrive(50 + i, event),
            rank=event.version if first_rank is None else first_rank + i,
            kind=kind,
            failure=Failure(Reason.EARLY, "waits"),
            entry_id=100 + i,
        )
        for i, event in enumerate(events)
    )


def order(state: State, *entries: Waiting, ordinal: int = 2, versioned: bool = True) -> Order:
    facts = tuple(Fact(e.arrival.event.id, e.arrival.version, e.arrival.digest) for e in entries)
    return Order(
        head=Head(
            order_id="A",
            versioned=versioned,
            ordinal=ordinal,
            position=Position(50 + len(entries)),
            state=state,
        ),
        facts=facts,
        waiting=entries,
        last_rank=max((entry.rank for entry in entries), default=0),
    )


def gap(first: int, last: int) -> Order:
    """Versions 1 and 2 applied, `first` to `last` in the lot."""
    return order(State.GAP, *lot(*(make_event(v) for v in range(first, last + 1))))


def take(known: Order, *lane, drain: int, blame: Failure | None = None) -> Decided:
    return decide(known, lane, apply_unless_refused, drain=drain, blame=blame)


def ordinals(decided: Decided) -> list[int]:
    return [entry.ordinal for entry in decided.applied]


@pytest.mark.parametrize(
    ("drain", "applied", "state"),
    [
        (100, [3, 4, 5, 6, 7], State.OPEN),
        (4, [3, 4, 5, 6, 7], State.OPEN),
        (3, [3, 4, 5, 6], State.PARKED),
        (1, [3, 4], State.PARKED),
        (0, [3], State.PARKED),
    ],
)
def test_a_drain_is_bounded_and_the_order_stays_parked_in_between(drain, applied, state):
    decided = take(gap(4, 7), arrive(90, make_event(3)), drain=drain)
    assert ordinals(decided) == applied
    assert decided.head.state is state
    assert decided.drainable is (state is State.PARKED)
    assert decided.drained == tuple(range(100, 100 + len(applied) - 1))


@pytest.mark.parametrize(("shown", "applied"), [(2, [3, 4]), (3, [3, 4, 5])])
def test_of_a_lot_that_is_cut_the_last_entry_shown_only_tells_the_state(shown, applied):
    whole = gap(4, 9)
    cut = msgspec.structs.replace(whole, waiting=whole.waiting[:shown], cut=True)
    decided = take(cut, arrive(90, make_event(3)), drain=100)
    assert ordinals(decided) == applied
    assert decided.head.state is State.PARKED
    assert decided.drainable


def test_the_bound_counts_what_is_drained_and_not_what_arrives():
    lane = [arrive(90 + v, make_event(v)) for v in (3, 4, 5)]
    decided = take(gap(6, 8), *lane, drain=2)
    assert ordinals(decided) == [3, 4, 5, 6, 7]
    assert decided.drainable


def test_a_drainable_order_goes_on_before_its_next_event():
    half_drained = order(State.PARKED, *lot(make_event(3), make_event(4)))
    decided = take(half_drained, arrive(90, make_event(5)), drain=100)
    assert ordinals(decided) == [3, 4, 5]
    assert decided.head.state is State.OPEN
    assert not decided.parked


def test_an_event_that_arrives_while_a_drain_is_unfinished_follows():
    half_drained = order(State.PARKED, *lot(*(make_event(v) for v in (3, 4, 5))))
    decided = take(half_drained, arrive(90, make_event(6)), drain=2)
    assert ordinals(decided) == [3, 4]
    assert [(e.kind, e.rank) for e in decided.parked] == [(Kind.FOLLOWER, 6)]
    assert decided.head.state is State.PARKED
    assert decided.drainable


def test_a_drain_goes_on_without_any_event():
    decided = take(order(State.PARKED, *lot(make_event(3), make_event(4))), drain=1)
    assert ordinals(decided) == [3]
    assert decided.drainable
    assert decided.head.state is State.PARKED


def test_a_drain_stops_at_the_next_hole():
    known = order(State.GAP, *lot(make_event(4), make_event(6)))
    decided = take(known, arrive(90, make_event(3)), drain=100)
    assert ordinals(decided) == [3, 4]
    assert decided.head.state is State.GAP
    assert not decided.drainable


def test_a_drain_takes_ranks_not_arrivals():
    later_first = order(State.GAP, *lot(make_event(4)))
    lane = [arrive(90, make_event(6)), arrive(91, make_event(5)), arrive(92, make_event(3))]
    decided = take(later_first, *lane, drain=100)
    assert [entry.arrival.version for entry in decided.applied] == [3, 4, 5, 6]
    assert decided.drained == (100,)
    assert not decided.parked


def test_without_versions_a_drain_takes_the_entries_as_they_came():
    entries = lot(*(make_event(name=n) for n in "abc"), kind=Kind.FOLLOWER, first_rank=3)
    decided = take(order(State.PARKED, *entries, versioned=False), drain=2)
    assert [entry.arrival for entry in decided.applied] == [e.arrival for e in entries[:2]]
    assert ordinals(decided) == [3, 4]
    assert decided.drainable


def test_an_entry_that_fails_when_its_turn_comes_blocks_the_rest():
    entries = lot(make_event(4), make_event(5, type=REFUSED), make_event(6))
    decided = take(order(State.GAP, *entries), arrive(90, make_event(3)), drain=100)
    assert ordinals(decided) == [3, 4]
    assert [(e.entry_id, e.kind, e.failure.reason) for e in decided.refused] == [
        (101, Kind.BLOCKER, Reason.REJECTED)
    ]
    assert decided.drained == (100,)
    assert decided.head.state is State.PARKED
    assert not decided.drainable


def test_what_comes_after_a_refused_entry_follows():
    entries = lot(make_event(4, type=REFUSED))
    lane = [arrive(90, make_event(3)), arrive(91, make_event(5))]
    decided = take(order(State.GAP, *entries), *lane, drain=100)
    assert ordinals(decided) == [3]
    assert [(e.kind, e.rank) for e in decided.parked] == [(Kind.FOLLOWER, 5)]


def test_an_entry_of_the_same_lane_that_fails_in_a_drain_is_parked_as_blocker():
    lane = [arrive(90, make_event(4, type=REFUSED)), arrive(91, make_event(3))]
    decided = take(order(State.OPEN), *lane, drain=100)
    assert ordinals(decided) == [3]
    assert [(e.kind, e.failure.reason) for e in decided.parked] == [(Kind.BLOCKER, Reason.REJECTED)]
    assert not decided.refused
    assert decided.head.state is State.PARKED


def test_the_entry_that_was_drained_is_a_duplicate_when_it_comes_again():
    lane = [arrive(90, make_event(3)), arrive(91, make_event(4))]
    decided = take(order(State.GAP, *lot(make_event(4))), *lane, drain=100)
    assert ordinals(decided) == [3, 4]
    assert decided.duplicates == 1


def test_a_blocker_in_the_lane_ends_a_drain_that_has_not_finished():
    known = order(State.PARKED, *lot(*(make_event(v) for v in (3, 4, 5))))
    decided = take(known, arrive(90, b"no event"), drain=1)
    assert ordinals(decided) == [3]
    assert decided.head.state is State.PARKED
    assert not decided.drainable


# -- blame: careful mode has found that what comes next makes the write fail


def test_blame_parks_the_next_event_unapplied():
    decided = take(order(State.OPEN), arrive(90, make_event(3)), drain=0, blame=BLAME)
    assert [(e.kind, e.failure) for e in decided.parked] == [(Kind.BLOCKER, BLAME)]
    assert not decided.applied
    assert decided.head.state is State.PARKED


def test_blame_falls_on_the_entry_whose_turn_it_is():
    known = order(State.PARKED, *lot(make_event(3), make_event(4)))
    decided = take(known, drain=1, blame=BLAME)
    assert [(e.entry_id, e.failure) for e in decided.refused] == [(100, BLAME)]
    assert not decided.applied
    assert not decided.drainable


@pytest.mark.parametrize(
    "arrival",
    [arrive(90, make_event(4)), arrive(50, make_event(5)), arrive(90, b"no event")],
    ids=["gap", "duplicate", "unreadable"],
)
def test_blame_spares_what_is_not_next(arrival):
    known = order(State.GAP, *lot(make_event(5)))
    decided = take(known, arrival, drain=0, blame=BLAME)
    assert all(entry.failure is not BLAME for entry in decided.parked)
    assert decided == take(known, arrival, drain=0)
