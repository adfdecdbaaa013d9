"""What proves a duplicate, and what proves a conflict."""

import pytest

from consumer.order import Fact, Reason
from consumer.proof import Proof
from contract import Position
from tests.consuming.events import arrive, id_of, make_event

SEEN = arrive(1, make_event(3))
PLAIN = arrive(2, make_event(name="plain"))


def knowing(*facts: Fact) -> Proof:
    return Proof(facts, ())


def fact_of(arrival, **changes) -> Fact:
    known = {"id": arrival.event.id, "version": arrival.version, "digest": arrival.digest}
    return Fact(*(known | changes).values())


@pytest.mark.parametrize(
    ("fact", "arrival"),
    [
        (fact_of(SEEN), SEEN),
        (fact_of(SEEN, id=id_of("another")), SEEN),
        (fact_of(PLAIN), PLAIN),
    ],
    ids=["id, version and content", "version and content", "id and content"],
)
def test_duplicate(fact, arrival):
    assert knowing(fact).duplicate(arrival)


@pytest.mark.parametrize(
    ("fact", "arrival"),
    [
        (fact_of(SEEN, digest=SEEN.digest + 1), SEEN),
        (fact_of(SEEN, version=4), SEEN),
        (fact_of(SEEN, version=None), SEEN),
        (fact_of(PLAIN, digest=0), PLAIN),
        (fact_of(PLAIN, version=1), PLAIN),
    ],
    ids=["content", "version", "fact without version", "content, plain", "fact with version"],
)
def test_no_duplicate_but_a_conflict(fact, arrival):
    proof = knowing(fact)
    assert not proof.duplicate(arrival)
    assert proof.conflict(arrival).reason is Reason.CONFLICT


@pytest.mark.parametrize(
    ("fact", "arrival"),
    [
        (fact_of(SEEN, id=id_of("another"), version=4), SEEN),
        (fact_of(PLAIN, id=id_of("another")), PLAIN),
        (Fact(None, 3, None), SEEN),
    ],
    ids=["another event", "the same content under another id", "a version that was skipped"],
)
def test_neither(fact, arrival):
    proof = knowing(fact)
    assert not proof.duplicate(arrival)
    assert proof.conflict(arrival) is None


def test_a_known_version_of_other_content_is_no_cover_for_a_known_id():
    proof = knowing(fact_of(SEEN, id=id_of("another"), digest=0), fact_of(SEEN))
    assert proof.duplicate(SEEN)


def test_what_is_added_is_known():
    proof = knowing()
    assert not proof.duplicate(SEEN)
    proof.add(SEEN)
    assert proof.duplicate(SEEN)


def test_bytes_are_known_by_position_only():
    bytes_at_9 = arrive(9, b"no event", sub=2)
    assert Proof((), [Position(9, 2)]).duplicate(bytes_at_9)
    assert not Proof((), [Position(9, 1)]).duplicate(bytes_at_9)
    assert Proof((), ()).conflict(bytes_at_9) is None


def test_a_readable_event_at_a_known_position_proves_nothing():
    assert not Proof((), [SEEN.position]).duplicate(SEEN)


@pytest.mark.parametrize(
    ("fact", "arrival", "says"),
    [
        (fact_of(SEEN, version=7), SEEN, "already known as version 7"),
        (fact_of(SEEN, version=None), SEEN, "already known without a version"),
        (fact_of(SEEN, digest=0), SEEN, "already known with other content"),
        (
            fact_of(SEEN, id=id_of("x"), digest=0),
            SEEN,
            f"version 3 is already known: id {id_of('x')}, other content",
        ),
    ],
)
def test_a_conflict_says_with_what(fact, arrival, says):
    assert knowing(fact).conflict(arrival).detail.endswith(says)
