"""What an invocation leaves behind at each of its ends."""

from uuid import UUID

import psycopg
import pytest

from consumer.attempts import Stopped
from consumer.deliveries import Mark
from consumer.suspicion import Span
from contract import Position
from tests.consuming.events import make_event
from tests.consuming.killing import CODE, DEATHS, KILL, SHARD, World, parked, record

EVENTS = [make_event(v, order_id=o) for v in (1, 2) for o in ("A", "B")]
RECORDS = [record(11 + i, [event]) for i, event in enumerate(EVENTS)]


def left_behind(world: World, times: int, *, seconds: float) -> None:
    """Processes that were given the batch and have not taken their markers back."""
    for _ in range(times):
        span = Span(shard=SHARD, first=11, last=14)
        world.database.deliveries.begin(Mark(environment=world._new(), span=span, seconds=seconds))
    world.now += 0.1


def test_after_a_batch_nothing_is_left():
    world = World(1, trouble=0.0)
    assert world.invoke(RECORDS).problem is None
    assert not world.database.deliveries.deadlines


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"),
        psycopg.errors.UndefinedTable("relation does not exist"),
        RuntimeError("a bug of ours"),
    ],
)
def test_after_an_interruption_neither(error):
    world = World(1, trouble=0.0)

    def fail() -> None:
        raise error

    world._trouble = fail
    assert world.invoke(RECORDS).checkpoint == "11"
    assert not world.database.deliveries.deadlines


def test_an_outage_leaves_the_marker_until_the_environment_works_again():
    world = World(1, trouble=0.0)
    environment = UUID(int=1)

    def go_away() -> None:
        world.away = True
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    calm, world._trouble = world._trouble, go_away
    assert world.invoke(RECORDS).checkpoint == "11"
    assert world.database.deliveries.deadlines.keys() == {environment}
    world._trouble, world.away = calm, False
    world._warm = [environment]
    world.random.random = lambda: 0.0
    assert world.invoke(RECORDS).checkpoint is None
    assert not world.database.deliveries.deadlines


@pytest.mark.parametrize("seconds", [-1.0, 60.0])
@pytest.mark.parametrize("times", [1, DEATHS, 10 * DEATHS])
def test_what_others_left_behind_only_makes_careful(times, seconds):
    """However many: each may have lost the database at its end, and nobody saw one die."""
    world = World(1, trouble=0.0)
    left_behind(world, times, seconds=seconds)
    applied = world.invoke(RECORDS)
    assert (applied.suspected, applied.checkpoint) == (True, None)
    assert parked(world) == {}
    assert not world.database.deliveries.deadlines
    assert not world.invoke(RECORDS).suspected


def test_enough_witnessed_deaths_park_unrun_in_one_invocation():
    world = World(1, trouble=0.0)
    events = [*EVENTS[:2], make_event(2, type=KILL), EVENTS[3]]
    records = [record(11 + i, [event]) for i, event in enumerate(events)]
    assert world.invoke(records) is None
    assert world.invoke(records).checkpoint is None
    assert parked(world) == {Position(13, 0): "killer"}
    assert len(world.projection.victims) == 1 + 1 + DEATHS
    assert not world.database.deliveries.deadlines


def test_many_killers_are_parked_where_others_succeed():
    world = World(1, trouble=0.0)
    events = [make_event(1, order_id=f"{n}", type=KILL if n % 4 else "note") for n in range(16)]
    records = [record(11 + n, [event]) for n, event in enumerate(events)]
    assert world.invoke(records) is None
    assert world.invoke(records).checkpoint is None
    assert len(parked(world)) == 12
    assert len(world.database.journal) == 4


def test_code_that_kills_everything_is_stopped():
    world = World(1, trouble=0.0)
    records = [record(11 + n, [make_event(1, order_id=f"{n}", type=KILL)]) for n in range(16)]
    assert world.invoke(records) is None
    applied = world.invoke(records)
    assert isinstance(applied.problem, Stopped)
    assert applied.checkpoint is not None
    assert len(parked(world)) < CODE.most
    assert world.processes <= CODE.most * (1 + DEATHS)
    assert world.database.deliveries.failing["v1"].stopped


def test_a_process_apart_that_dies_once_of_something_else_parks_nothing():
    world = World(1, trouble=0.0)
    left_behind(world, 1, seconds=-1.0)
    apply, deaths = world.projection.apply, [MemoryError, SystemExit, MemoryError]

    def unlucky(state, event):
        if deaths:
            raise deaths.pop()
        return apply(state, event)

    world.projection.apply = unlucky
    assert world.invoke(RECORDS).checkpoint is None
    assert parked(world) == {}
    assert world.processes == 4


@pytest.mark.parametrize("exception", [MemoryError, SystemExit])
def test_out_of_memory_is_a_death_at_once(exception):
    world = World(1, trouble=0.0)

    def fail(*_):
        raise exception

    world.projection.apply = fail
    with pytest.raises(exception):
        world.invoke(RECORDS)
    world.now += 0.001
    assert [at < world.now for at in world.database.deliveries.deadlines.values()] == [True]
