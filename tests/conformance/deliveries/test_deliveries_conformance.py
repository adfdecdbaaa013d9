"""Markers in memory and in PostgreSQL answer alike."""

import time
from contextlib import contextmanager
from uuid import UUID

import pytest

from consumer.database import Database
from consumer.deliveries import Mark
from consumer.settings import read
from consumer.store import Beside
from consumer.suspicion import Span
from contract import Position
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


def mark(environment=ONE, span=HERE, seconds=FAR, order_id=None, position=None, version="v1"):
    return Mark(
        environment=environment,
        code_version=version,
        span=span,
        seconds=seconds,
        order_id=order_id,
        position=position,
    )


def begun(database, given):
    """Whether the version is stopped, and who is named by environment: order, position, dead."""
    with database.at_once() as deliveries:
        stopped, markers = deliveries.begin(given)
    return stopped, {m.environment: (m.order_id, m.position, m.dead) for m in markers}


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
    assert begun(database, mark()) == (False, {})


def test_the_second_sees_the_first_whole(database):
    begun(database, mark(ONE))
    with database.at_once() as deliveries:
        _, (marker,) = deliveries.begin(mark(TWO))
    assert marker.environment == ONE
    assert marker.span == HERE
    assert marker.code_version == "v1"
    assert abs(marker.marked_at - time.time()) < 30


@pytest.mark.parametrize(
    ("span", "seen"),
    [
        (Span(shard="shard-0", first=20, last=30), True),
        (Span(shard="shard-0", first=1, last=10), True),
        (Span(shard="shard-0", first=12, last=13), True),
        (Span(shard="shard-0", first=21, last=30), False),
        (Span(shard="shard-1", first=10, last=20), False),
        (Span(), False),
    ],
)
def test_a_batch_is_seen_where_it_overlaps(database, span, seen):
    begun(database, mark(ONE))
    assert (ONE in begun(database, mark(TWO, span))[1]) is seen


def test_an_order_is_seen_everywhere(database):
    at = Position(2**70, 3)
    with said(database) as deliveries:
        deliveries.mark(mark(ONE, order_id="A"))
        deliveries.mark(mark(TWO, order_id="B", position=at, seconds=PAST))
    elsewhere = Span(shard="shard-9", first=1, last=1)
    seen = begun(database, mark(THREE, elsewhere))[1]
    assert seen == {ONE: ("A", None, False), TWO: ("B", at, True)}
    assert begun(database, mark(FOUR, Span()))[1].keys() == {ONE, TWO}


def test_an_environment_has_one_marker(database):
    begun(database, mark(ONE))
    with said(database) as deliveries:
        deliveries.mark(mark(ONE, order_id="A", position=Position(11, 0)))
        deliveries.mark(mark(ONE, order_id="B"))
    assert begun(database, mark(TWO))[1] == {ONE: ("B", None, False)}
    begun(database, mark(ONE))
    assert begun(database, mark(TWO))[1] == {ONE: (None, None, False)}


def test_after_its_end_nobody_sees_it(database):
    begun(database, mark(ONE, seconds=PAST))
    with said(database) as deliveries:
        deliveries.end(ONE)
    assert begun(database, mark(TWO))[1] == {}


def test_an_end_settles_others_and_never_itself(database):
    begun(database, mark(ONE, seconds=PAST))
    begun(database, mark(TWO))
    with said(database) as deliveries:
        deliveries.end(TWO, [ONE, TWO])
    assert begun(database, mark(THREE))[1] == {}


def test_what_dies_is_dead_at_once(database):
    begun(database, mark(ONE))
    with said(database) as deliveries:
        deliveries.die(ONE)
    time.sleep(0.001)  # the clock has to move on
    assert begun(database, mark(TWO))[1] == {ONE: (None, None, True)}


def test_what_ended_cannot_die(database):
    begun(database, mark(ONE))
    with said(database) as deliveries:
        deliveries.end(ONE)
        deliveries.die(ONE)
    assert begun(database, mark(TWO))[1] == {}


def test_a_stopped_version_is_told_so(database):
    with said(database) as deliveries:
        deliveries.stop("v1", ["A", "B"])
        deliveries.stop("v1", ["A", "B", "C"])
    assert begun(database, mark(ONE))[0]
    assert not begun(database, mark(ONE, version="v2"))[0]


def test_a_success_lifts_the_stop_and_voids_the_deaths_of_that_version(database):
    begun(database, mark(ONE, seconds=PAST))
    begun(database, mark(TWO, seconds=PAST, version="v2"))
    with said(database) as deliveries:
        deliveries.stop("v1", ["A"])
    with database.transaction() as (store, _):
        store.write([], [], Beside(code_version="v1", succeeded=True))
    assert begun(database, mark(THREE)) == (False, {TWO: (None, None, True)})


def test_without_a_stop_a_success_leaves_the_deaths(database):
    begun(database, mark(ONE, seconds=PAST))
    with database.transaction() as (store, _):
        store.count_failing("v1", ["A"])
        store.write([], [], Beside(code_version="v1", succeeded=True))
    assert begun(database, mark(THREE)) == (False, {ONE: (None, None, True)})


def test_a_commit_takes_back_its_own_marker_and_forgets_others(database):
    begun(database, mark(ONE))
    begun(database, mark(TWO))
    begun(database, mark(THREE))
    with database.transaction() as (store, _):
        store.write([], [], Beside(ended=ONE, forgotten=(TWO,)))
    assert begun(database, mark(FOUR))[1] == {THREE: (None, None, False)}


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
        store.write([], [], Beside(ended=ONE, forgotten=(ONE,)))
    assert ONE in begun(database, mark(TWO))[1]
