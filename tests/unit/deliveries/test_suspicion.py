"""What markers say about a batch: suspicion comes easily, blame does not."""

from uuid import UUID

import msgspec
import pytest

from consumer.suspicion import Marker, Span, Suspicion, suspect
from contract import Position

HERE = Span(shard="shard-0", first=11, last=20)
NUMBERS = range(11, 21)
AT = Position(15, 2)


def marker(n=1, *, first=11, last=20, shard="shard-0", at=1.0, dead=True, **named):
    return Marker(
        environment=UUID(int=n),
        span=Span(shard=shard, first=first, last=last),
        marked_at=at,
        dead=dead,
        code_version=named.pop("version", "v1"),
        **named,
    )


def of(*markers, span=HERE, numbers=NUMBERS, orders=("A", "B"), version="v1") -> Suspicion:
    return suspect(
        markers, span, sequence_numbers=numbers, order_ids=set(orders), code_version=version
    )


def test_nobody_said_anything():
    assert not of()


@pytest.mark.parametrize(("first", "last"), [(11, 20), (1, 11), (20, 30), (13, 14), (1, 99)])
def test_a_death_in_these_parts_of_the_shard(first, last):
    assert of(marker(first=first, last=last)).everything


@pytest.mark.parametrize(
    ("first", "last", "everything"), [(1, 11, True), (20, 30, True), (1, 30, False), (13, 33, True)]
)
def test_before_the_deadline_only_with_a_record_of_this_batch(first, last, everything):
    """Siblings of the same shard are at work between each other's records all the time."""
    found = of(marker(first=first, last=last, dead=False))
    assert found.everything is everything


def test_of_another_shard():
    assert not of(marker(shard="shard-1"))


def test_a_later_death_about_an_order_supersedes_the_batch():
    found = of(marker(1), marker(2, at=2.0, order_id="A"))
    assert not found.everything
    assert found.orders == {"A"}


def test_an_earlier_one_does_not():
    found = of(marker(1, at=3.0), marker(2, at=2.0, order_id="A"))
    assert found.everything
    assert found.orders == {"A"}


def test_nor_one_about_the_other_half():
    """The half that died of its own order says nothing about this one."""
    other_half = marker(2, first=1, last=10, at=2.0, order_id="Z")
    assert of(marker(1, first=1, last=20), other_half).everything


def test_an_order_that_is_not_here_is_no_suspect():
    assert not of(marker(order_id="Z"))


def test_deaths_are_counted_by_the_event_they_name():
    found = of(
        marker(1, order_id="A", position=AT),
        marker(2, order_id="A", position=AT),
        marker(3, order_id="A", position=Position(15, 1)),
        marker(4, order_id="A"),
        marker(5, order_id="B", position=AT),
    )
    assert found.deaths == {("A", AT): 2, ("A", Position(15, 1)): 1, ("B", AT): 1}
    assert found.orders == {"A", "B"}


def test_neither_the_living_nor_another_version_count():
    found = of(
        marker(1, order_id="A", position=AT, dead=False),
        marker(2, order_id="A", position=AT, version="v0"),
    )
    assert found.deaths == {}
    assert found.suspects("A")
    assert found.markers == {("A", AT): (UUID(int=1), UUID(int=2))}


def test_while_the_code_is_stopped_deaths_prove_nothing():
    found = of(marker(1, order_id="A", position=AT), version=None)
    assert (found.deaths, found.orders) == ({}, {"A"})


@pytest.mark.parametrize(
    ("left", "settled"),
    [
        (marker(1), True),
        (marker(1, first=1, last=20), True),
        (marker(1, first=11, last=21), False),
        (marker(1, order_id="A"), True),
        (marker(1, order_id="A", position=AT), False),
        (marker(1, shard="", first=None, last=None, order_id="A"), False),
    ],
)
def test_what_the_end_of_the_batch_makes_obsolete(left, settled):
    """Not what names an event: only the end of the event does. Nor what a redrive said."""
    assert (UUID(int=1) in of(left).settled) is settled


def test_a_redrive_suspects_by_order_alone():
    mine = Span()
    left = marker(1, order_id="A", position=AT)
    found = of(marker(2), left, span=mine, numbers=())
    assert (found.everything, found.orders) == (False, {"A"})


def test_a_span_without_records_overlaps_nothing():
    assert not Span().overlaps(Span())
    assert not Span().overlaps(msgspec.structs.replace(HERE, shard=""))
