"""What markers say about a batch: suspicion comes easily, and parks nobody."""

from uuid import UUID

import pytest

from consumer.suspicion import Marker, Span, suspect

HERE = Span(shard="shard-0", first=11, last=20)
NUMBERS = range(11, 21)


def marker(n=1, *, first=11, last=20, shard="shard-0", dead=True):
    return Marker(
        environment=UUID(int=n), span=Span(shard=shard, first=first, last=last), dead=dead
    )


def of(*markers, span=HERE, numbers=NUMBERS):
    return suspect(markers, span, sequence_numbers=numbers)


def test_nobody_said_anything():
    assert not of()


@pytest.mark.parametrize(("first", "last"), [(11, 20), (1, 11), (20, 30), (13, 14), (1, 99)])
def test_a_death_in_these_parts_of_the_shard(first, last):
    assert of(marker(first=first, last=last))


@pytest.mark.parametrize(("first", "last"), [(1, 10), (21, 30)])
def test_a_death_beside_it(first, last):
    assert not of(marker(first=first, last=last))


@pytest.mark.parametrize(
    ("first", "last", "raised"), [(1, 11, True), (20, 30, True), (1, 30, False), (13, 33, True)]
)
def test_before_the_deadline_only_with_a_record_of_this_batch(first, last, raised):
    """Siblings of the same shard are at work between each other's records all the time."""
    assert bool(of(marker(first=first, last=last, dead=False))) is raised


def test_of_another_shard():
    assert not of(marker(shard="shard-1"))


@pytest.mark.parametrize("dead", [True, False])
def test_a_redrive_meets_those_of_its_order(dead):
    redrive = Marker(environment=UUID(int=1), span=Span(order_id="A"), dead=dead)
    assert of(redrive, span=Span(order_id="A"), numbers=())
    assert not of(redrive, span=Span(order_id="B"), numbers=())
    assert not of(redrive)
    assert not of(marker(), span=Span(order_id="A"), numbers=())


def test_the_end_settles_what_nothing_is_left_of():
    whole, before, beyond = marker(1), marker(2, first=1, last=11), marker(3, first=13, last=21)
    assert of(whole, before, beyond).settled == (UUID(int=1), UUID(int=2))
    mine = Marker(environment=UUID(int=4), span=Span(order_id="A"), dead=True)
    assert of(mine, span=Span(order_id="A"), numbers=()).settled == (UUID(int=4),)


def test_a_sibling_that_goes_beyond_settles_nothing_of_another_slot():
    """It is careful for nothing, and leaves the mark to the retry of the batch that died."""
    siblings = of(marker(first=10, last=19), numbers=range(12, 21, 2))
    assert siblings
    assert siblings.settled == ()
