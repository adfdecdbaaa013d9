"""What an invocation leaves behind at each of its ends."""

from uuid import UUID

import psycopg
import pytest

from consumer.deliveries import Mark
from consumer.suspicion import Span
from contract import Position
from tests.consuming.events import make_event
from tests.consuming.killing import CODE, DEATHS, KILL, SHARD, World, parked, record

EVENTS = [make_event(v, order_id=o) for v in (1, 2) for o in ("A", "B")]
RECORDS = [record(11 + i, [event]) for i, event in enumerate(EVENTS)]


def died_before(world: World, times: int, *, order_id="A", position: Position | None) -> None:
    """Processes that died over this event, or order."""
    for _ in range(times):
        mark = Mark(
            environment=world._new(),
            code_version=CODE.version,
            span=Span(shard=SHARD, first=11, last=14),
            seconds=-1.0,
            order_id=order_id,
            position=position,
        )
        world.database.deliveries.mark(mark)
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


@pytest.mark.parametrize("position", [None, Position(13, 0)])
def test_an_event_that_gets_through_takes_its_deaths_with_it(position):
    """One death less than enough, and then it works: it was not the event."""
    world = World(1, trouble=0.0)
    died_before(world, DEATHS - 1, position=position)
    assert world.invoke(RECORDS).suspicion.suspects("A")
    assert not world.database.deliveries.deadlines
    died_before(world, 1, position=position)
    assert world.invoke(RECORDS).checkpoint is None
    assert parked(world) == {}


def test_enough_deaths_park_unrun():
    world = World(1, trouble=0.0)
    died_before(world, DEATHS, position=Position(13, 0))
    events = [*EVENTS[:2], make_event(2, type=KILL), EVENTS[3]]
    records = [record(11 + i, [event]) for i, event in enumerate(events)]
    assert world.invoke(records).checkpoint is None
    assert parked(world) == {Position(13, 0): "killer"}
    assert world.projection.victims == []
    assert not world.database.deliveries.deadlines


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
