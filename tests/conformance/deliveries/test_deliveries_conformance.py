"""Markers in memory and in PostgreSQL answer alike."""

import time
from contextlib import contextmanager
from uuid import UUID

import pytest

from consumer.database import Database
from consumer.deliveries import Mark
from consumer.deploys import Failing
from consumer.rows import Beside
from consumer.settings import read
from consumer.suspicion import Marker, Span
from tests.consuming.markers import MarkedDatabase

ONE, TWO, THREE, FOUR = (UUID(int=n) for n in range(1, 5))
HERE = Span(shard="shard-0", first=10, last=20)
FAR = 60.0
PAST = -1.0
"""Seconds that make a marker dead at once."""


@pytest.fixture(params=["memory", "postgresql"])
def database(request):
    if request.param == "memory":
        yield MarkedDatabase(time.time)
        return
    opened = Database(read({"DATABASE_URL": request.getfixturevalue("database_url")}))
    opened.open()
    yield opened
    opened.close()


def mark(environment=ONE, span=HERE, seconds=FAR):
    return Mark(environment=environment, span=span, seconds=seconds)


def redrive(order_id):
    return Span(order_id=order_id)


def begun(database, given):
    """Who else is there, and whether dead."""
    with database.at_once() as deliveries:
        return {m.environment: m.dead for m in deliveries.begin(given)}


@contextmanager
def said(database):
    with database.at_once() as deliveries:
        yield deliveries


@contextmanager
def rolled_back(database):
    """A transaction that is given up in the end."""

    def work():
        with database.transaction() as (store, _):
            yield store
            raise ZeroDivisionError

    working = work()
    yield next(working)
    with pytest.raises(ZeroDivisionError):
        next(working)


def test_the_first_sees_nobody(database):
    assert begun(database, mark()) == {}


def test_the_second_sees_the_first_whole(database):
    begun(database, mark(ONE))
    with database.at_once() as deliveries:
        (marker,) = deliveries.begin(mark(TWO))
    assert marker == Marker(environment=ONE, span=HERE, dead=False)


@pytest.mark.parametrize(
    ("span", "seen"),
    [
        (Span(shard="shard-0", first=20, last=30), True),
        (Span(shard="shard-0", first=1, last=10), True),
        (Span(shard="shard-0", first=12, last=13), True),
        (Span(shard="shard-0", first=21, last=30), False),
        (Span(shard="shard-1", first=10, last=20), False),
        (Span(order_id="A"), False),
    ],
)
def test_a_batch_is_seen_where_it_overlaps(database, span, seen):
    begun(database, mark(ONE))
    assert (ONE in begun(database, mark(TWO, span))) is seen


def test_a_redrive_is_seen_by_redrives_of_its_order(database):
    begun(database, mark(ONE, redrive("A")))
    begun(database, mark(TWO, redrive("B"), seconds=PAST))
    assert begun(database, mark(THREE)) == {}
    assert begun(database, mark(FOUR, redrive("A"))) == {ONE: False}
    assert begun(database, mark(FOUR, redrive("B"))) == {TWO: True}


def test_an_environment_has_one_marker(database):
    begun(database, mark(ONE))
    begun(database, mark(ONE, redrive("A")))
    assert begun(database, mark(TWO)) == {}
    begun(database, mark(ONE))
    assert begun(database, mark(TWO)) == {ONE: False}
    assert begun(database, mark(TWO, redrive("A"))) == {}


def test_after_its_end_nobody_sees_it(database):
    begun(database, mark(ONE, seconds=PAST))
    with said(database) as deliveries:
        deliveries.end(ONE)
    assert begun(database, mark(TWO)) == {}


def test_an_end_settles_others_and_never_itself(database):
    begun(database, mark(ONE, seconds=PAST))
    begun(database, mark(TWO))
    with said(database) as deliveries:
        deliveries.end(TWO, [ONE, TWO])
    assert begun(database, mark(THREE)) == {}


def test_what_dies_is_dead_at_once(database):
    begun(database, mark(ONE))
    with said(database) as deliveries:
        deliveries.die(ONE)
    time.sleep(0.001)  # the clock has to move on
    assert begun(database, mark(TWO)) == {ONE: True}


def test_what_ended_cannot_die(database):
    begun(database, mark(ONE))
    with said(database) as deliveries:
        deliveries.end(ONE)
        deliveries.die(ONE)
    assert begun(database, mark(TWO)) == {}


def test_a_success_lifts_a_stop_and_leaves_the_markers(database):
    begun(database, mark(ONE, seconds=PAST))
    with said(database) as deliveries:
        deliveries.stop("v1", ["A", "B"])
        deliveries.stop("v1", ["A", "B", "C"])
    with database.transaction() as (store, _):
        assert store.count_failing("v1", ["A"]).stopped
        assert not store.count_failing("v2", ["A"]).stopped
    with database.transaction() as (store, _):
        store.write([], [], Beside(code_version="v1", succeeded=True))
    with database.transaction() as (store, _):
        assert store.count_failing("v1", ["D"]) == Failing(orders=("D",), stopped=False)
    assert begun(database, mark(THREE)) == {ONE: True}


def test_a_commit_takes_back_its_own_marker(database):
    begun(database, mark(ONE))
    begun(database, mark(TWO))
    with database.transaction() as (store, _):
        store.write([], [], Beside(ended=ONE))
    assert begun(database, mark(THREE)) == {TWO: False}


def test_failing_orders_are_counted_once_each(database):
    with said(database) as deliveries:
        deliveries.stop("v1", ["A"])
    with database.transaction() as (store, _):
        known = store.count_failing("v1", ["B", "A"])
        assert (sorted(known.orders), known.stopped) == (["A", "B"], True)
        assert not store.count_failing("v2", ["C"]).stopped


def test_a_count_stays_with_its_transaction(database):
    with database.transaction() as (store, _):
        store.count_failing("v1", ["A"])
    with rolled_back(database) as store:
        store.count_failing("v1", ["B"])
    with database.transaction() as (store, _):
        assert sorted(store.count_failing("v1", ["C", "C"]).orders) == ["A", "C"]


def test_a_mark_that_was_taken_back_in_vain_stays(database):
    begun(database, mark(ONE))
    with rolled_back(database) as store:
        store.write([], [], Beside(ended=ONE))
    assert ONE in begun(database, mark(TWO))
