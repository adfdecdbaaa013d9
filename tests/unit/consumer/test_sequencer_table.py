"""The decision table of `consumer.sequencer`, cell by cell."""

import msgspec
import pytest

from consumer.arrivals import Arrival
from consumer.order import Decided, Fact, Failure, Head, Kind, Order, Reason, State, Waiting
from consumer.sequencer import decide
from contract import Position
from tests.consuming.events import REFUSED, apply_unless_refused, arrive, id_of, make_event

HELD = {n: arrive(50 + n, make_event(n)) for n in range(1, 10)}
"""The events of order A that are known already, wherever they are known from."""


def fact(arrival: Arrival) -> Fact:
    return Fact(arrival.event.id, arrival.version, arrival.digest)


def waiting(arrival: Arrival, kind: Kind, *, rank: int | None = None, entry_id: int = 1) -> Waiting:
    return Waiting(
        arrival=arrival,
        rank=rank or arrival.version,
        kind=kind,
        failure=Failure(Reason.EARLY, "waits"),
        entry_id=entry_id,
    )


def versioned(state: State, *facts: Fact, **lot) -> Order:
    """Order A after versions 1 and 2."""
    head = Head(order_id="A", versioned=True, ordinal=2, position=Position(52), state=state)
    return Order(head=head, facts=(fact(HELD[1]), fact(HELD[2]), *facts), **lot)


OPEN = versioned(State.OPEN)
GAP = versioned(State.GAP, fact(HELD[5]), waiting=(waiting(HELD[5], Kind.GAP),), last_rank=5)
PARKED = versioned(State.PARKED, fact(HELD[3]), blocked=True, last_rank=3)

UNVERSIONED_FACTS = tuple(Fact(id_of(("A", name)), None, 7) for name in "ab")


def unversioned(state: State, **lot) -> Order:
    """Order A after two events without versions, the last at position 52."""
    head = Head(order_id="A", versioned=False, ordinal=2, position=Position(52), state=state)
    return Order(head=head, facts=UNVERSIONED_FACTS, **lot)


PLAIN_OPEN = unversioned(State.OPEN)
PLAIN_PARKED = unversioned(State.PARKED, blocked=True, last_rank=3)

NEW = 100
"""A position behind everything that is known."""


def take(order: Order, *lane: Arrival, drain: int = 100) -> Decided:
    return decide(order, lane, apply_unless_refused, drain=drain)


def parked(decided: Decided) -> list[tuple[Kind, Reason, int]]:
    return [(entry.kind, entry.failure.reason, entry.rank) for entry in decided.parked]


def assert_nothing_but_counted(order: Order, decided: Decided) -> None:
    assert decided == Decided(head=order.head, duplicates=1, drainable=decided.drainable)


# -- rule 1: a proven duplicate is skipped, whatever the state


@pytest.mark.parametrize("order", [OPEN, GAP, PARKED], ids=["OPEN", "GAP", "PARKED"])
@pytest.mark.parametrize("version", [1, 2])
def test_rule_1_what_the_ledger_holds_is_skipped(order, version):
    assert_nothing_but_counted(order, take(order, HELD[version]))


@pytest.mark.parametrize(("order", "version"), [(GAP, 5), (PARKED, 3)], ids=["GAP", "PARKED"])
def test_rule_1_what_the_lot_holds_is_skipped(order, version):
    assert_nothing_but_counted(order, take(order, HELD[version]))


@pytest.mark.parametrize(
    ("order", "version"), [(OPEN, 3), (OPEN, 4), (GAP, 3), (GAP, 7), (PARKED, 4)]
)
def test_rule_1_what_the_lane_held_already_is_skipped(order, version):
    once = take(order, arrive(NEW, make_event(version)))
    twice = take(order, arrive(NEW, make_event(version)), arrive(NEW + 1, make_event(version)))
    assert twice.duplicates == 1
    assert (twice.head, twice.applied, twice.parked) == (once.head, once.applied, once.parked)


@pytest.mark.parametrize("order", [OPEN, GAP, PARKED], ids=["OPEN", "GAP", "PARKED"])
def test_rule_1_the_same_version_and_content_under_a_new_id_is_skipped(order):
    assert_nothing_but_counted(order, take(order, arrive(NEW, make_event(2, name="sent again"))))


@pytest.mark.parametrize("order", [PLAIN_OPEN, PLAIN_PARKED], ids=["OPEN", "PARKED"])
def test_rule_1_without_versions_the_id_and_the_content_prove_it(order):
    known = arrive(NEW, make_event(name="a"))
    order = msgspec.structs.replace(order, facts=(fact(known),))
    assert_nothing_but_counted(order, take(order, known))


def test_rule_1_bytes_that_nobody_can_read_are_known_by_their_position():
    order = versioned(State.PARKED, blocked=True, last_rank=3, positions=frozenset({Position(60)}))
    assert_nothing_but_counted(order, take(order, arrive(60, b"no event")))


def test_rule_1_unreadable_bytes_elsewhere_are_not_the_same():
    order = versioned(State.PARKED, blocked=True, last_rank=3, positions=frozenset({Position(60)}))
    assert parked(take(order, arrive(61, b"no event"))) == [(Kind.BLOCKER, Reason.UNREADABLE, 4)]


# -- rule 2: what needs a decision blocks, whatever the state

NEEDS_DECISION = {
    "unreadable": (arrive(NEW, b"no event"), Reason.UNREADABLE),
    "wrong kind": (arrive(NEW, make_event(name="plain")), Reason.WRONG_KIND),
    "conflict": (arrive(NEW, make_event(2, other="content")), Reason.CONFLICT),
}


@pytest.mark.parametrize("what", NEEDS_DECISION)
@pytest.mark.parametrize(
    ("order", "next_rank"), [(OPEN, 3), (GAP, 6), (PARKED, 4)], ids=["OPEN", "GAP", "PARKED"]
)
def test_rule_2_needs_a_decision(order, next_rank, what):
    arrival, reason = NEEDS_DECISION[what]
    decided = take(order, arrival)
    rank = 2 if what == "conflict" else next_rank
    assert parked(decided) == [(Kind.BLOCKER, reason, rank)]
    assert decided.head.state is State.PARKED
    assert decided.head.ordinal == 2
    assert not decided.applied
    assert not decided.drainable


@pytest.mark.parametrize("order", [PLAIN_OPEN, PLAIN_PARKED], ids=["OPEN", "PARKED"])
def test_rule_2_an_event_with_a_version_is_of_the_wrong_kind_for_an_order_without(order):
    decided = take(order, arrive(NEW, make_event(3)))
    ((kind, reason, _),) = parked(decided)
    assert (kind, reason) == (Kind.BLOCKER, Reason.WRONG_KIND)
    assert decided.head.state is State.PARKED


@pytest.mark.parametrize("order", [PLAIN_OPEN, PLAIN_PARKED], ids=["OPEN", "PARKED"])
def test_rule_2_without_versions_an_earlier_position_was_overtaken(order):
    decided = take(order, arrive(51, make_event(name="late")))
    ((kind, reason, _),) = parked(decided)
    assert (kind, reason) == (Kind.BLOCKER, Reason.OVERTAKEN)
    assert decided.head.state is State.PARKED
    assert decided.head.position == Position(52)


def test_rule_2_an_earlier_place_in_the_same_record_was_overtaken_too():
    lane = [
        arrive(NEW, make_event(name="second"), sub=1),
        arrive(NEW, make_event(name="first"), sub=0),
    ]
    assert parked(take(PLAIN_OPEN, *lane)) == [(Kind.BLOCKER, Reason.OVERTAKEN, 4)]


def test_rule_2_with_versions_an_earlier_position_is_no_reason():
    assert take(OPEN, arrive(1, make_event(3))).head.ordinal == 3


# -- rule 3: behind the head and unknown


@pytest.mark.parametrize("state", [State.OPEN, State.GAP, State.PARKED])
@pytest.mark.parametrize("version", [1, 2])
def test_rule_3_behind_the_head_and_unknown_is_a_stray(state, version):
    lot = {
        State.OPEN: {},
        State.GAP: {"waiting": (waiting(HELD[5], Kind.GAP),), "last_rank": 5},
        State.PARKED: {"blocked": True, "last_rank": 3},
    }[state]
    head = Head(order_id="A", versioned=True, ordinal=2, position=Position(52), state=state)
    order = Order(head=head, **lot)
    decided = take(order, arrive(NEW, make_event(version)))
    assert parked(decided) == [(Kind.STRAY, Reason.UNPROVEN, version)]
    assert decided.head == head


def test_rule_3_a_version_that_was_skipped_proves_nothing():
    skipped = Fact(None, 2, None)
    order = Order(head=OPEN.head, facts=(skipped,))
    decided = take(order, arrive(NEW, make_event(2)))
    assert parked(decided) == [(Kind.STRAY, Reason.UNPROVEN, 2)]


def test_rule_3_a_stray_blocks_nothing_in_its_lane():
    order = Order(head=OPEN.head)
    decided = take(order, arrive(NEW, make_event(1)), arrive(NEW + 1, make_event(3)))
    assert decided.head.ordinal == 3
    assert decided.head.state is State.OPEN


# -- rule 4: while something waits for a decision, everything else follows


@pytest.mark.parametrize("version", [3, 4, 9])
def test_rule_4_follows_the_blocker(version):
    order = versioned(State.PARKED, blocked=True, last_rank=3)
    decided = take(order, arrive(NEW, make_event(version)))
    assert parked(decided) == [(Kind.FOLLOWER, Reason.FOLLOWS, version)]
    assert decided.head.state is State.PARKED
    assert not decided.applied


def test_rule_4_without_versions_followers_are_ranked_as_they_arrive():
    lane = [arrive(NEW + i, make_event(name=f"n{i}")) for i in range(3)]
    decided = take(PLAIN_PARKED, *lane)
    follows = [(Kind.FOLLOWER, Reason.FOLLOWS, rank) for rank in (4, 5, 6)]
    assert parked(decided) == follows
    assert [entry.arrival for entry in decided.parked] == lane
    assert decided.head.position == Position(NEW + 2)


def test_rule_4_follows_a_blocker_of_the_same_lane():
    lane = [
        arrive(NEW, make_event(3, type=REFUSED)),
        arrive(NEW + 1, make_event(4)),
        arrive(NEW + 2, make_event(5)),
    ]
    decided = take(OPEN, *lane)
    assert parked(decided) == [
        (Kind.BLOCKER, Reason.REJECTED, 3),
        (Kind.FOLLOWER, Reason.FOLLOWS, 4),
        (Kind.FOLLOWER, Reason.FOLLOWS, 5),
    ]
    assert decided.head.ordinal == 2


# -- rule 5: further ahead than the next version


@pytest.mark.parametrize("order", [OPEN, GAP], ids=["OPEN", "GAP"])
@pytest.mark.parametrize("version", [4, 9, 2**63 - 1])
def test_rule_5_waits_for_the_versions_before_it(order, version):
    decided = take(order, arrive(NEW, make_event(version)))
    assert parked(decided) == [(Kind.GAP, Reason.EARLY, version)]
    assert decided.head.state is State.GAP
    assert decided.head.ordinal == 2


def test_rule_5_an_order_first_seen_in_the_middle_waits():
    order = Order(head=Head(order_id="A"))
    decided = take(order, arrive(NEW, make_event(37)))
    assert parked(decided) == [(Kind.GAP, Reason.EARLY, 37)]
    assert decided.head == Head(
        order_id="A", versioned=True, position=Position(NEW), state=State.GAP
    )


# -- rule 6: the next one, and it applies


def test_rule_6_advances():
    decided = take(OPEN, arrive(NEW, make_event(3)))
    assert [entry.ordinal for entry in decided.applied] == [3]
    assert decided.head == Head(
        order_id="A", versioned=True, ordinal=3, position=Position(NEW), state=State.OPEN
    )


def test_rule_6_without_versions_the_next_is_whatever_comes():
    lane = [arrive(NEW + i, make_event(name=f"n{i}")) for i in range(3)]
    decided = take(PLAIN_OPEN, *lane)
    assert [entry.ordinal for entry in decided.applied] == [3, 4, 5]
    assert decided.head.position == Position(NEW + 2)
    assert decided.head.state is State.OPEN


@pytest.mark.parametrize(
    ("event", "is_versioned"), [(make_event(1), True), (make_event(name="n"), False)]
)
def test_rule_6_the_first_event_says_which_kind_the_order_is(event, is_versioned):
    decided = take(Order(head=Head(order_id="A")), arrive(NEW, event))
    assert decided.head.versioned is is_versioned
    assert decided.head.ordinal == 1


def test_rule_6_in_a_gap_the_hole_may_stay():
    decided = take(GAP, arrive(NEW, make_event(3)))
    assert decided.head.state is State.GAP
    assert decided.head.ordinal == 3
    assert not decided.drained


def test_rule_6_in_a_gap_the_last_missing_version_drains():
    decided = take(GAP, arrive(NEW, make_event(3)), arrive(NEW + 1, make_event(4)))
    assert [entry.ordinal for entry in decided.applied] == [3, 4, 5]
    assert decided.applied[-1].arrival == HELD[5]
    assert decided.drained == (1,)
    assert decided.head.state is State.OPEN
    assert not decided.drainable


# -- rule 7: the next one, and it does not apply


@pytest.mark.parametrize(
    ("order", "event", "rank"),
    [
        (OPEN, make_event(3, type=REFUSED), 3),
        (GAP, make_event(3, type=REFUSED), 3),
        (PLAIN_OPEN, make_event(name="n", type=REFUSED), 3),
    ],
    ids=["OPEN", "GAP", "OPEN without versions"],
)
def test_rule_7_blocks(order, event, rank):
    decided = take(order, arrive(NEW, event))
    assert parked(decided) == [(Kind.BLOCKER, Reason.REJECTED, rank)]
    assert decided.head.state is State.PARKED
    assert decided.head.ordinal == 2
    assert decided.head.position == Position(NEW)
    assert not decided.applied


def test_rule_7_what_waited_beyond_the_gap_goes_on_waiting():
    lane = [arrive(NEW, make_event(3, type=REFUSED)), arrive(NEW + 1, make_event(4))]
    decided = take(GAP, *lane)
    assert not decided.drained
    assert [entry.rank for entry in decided.parked] == [3, 4]


def test_a_position_never_moves_back():
    decided = take(PLAIN_OPEN, arrive(40, make_event(name="late")), arrive(41, b"no event"))
    assert decided.head.position == Position(52)
