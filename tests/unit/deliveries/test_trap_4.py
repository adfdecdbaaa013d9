"""Trap 4: a killer in a batch, while halves start at other records, and STOPs, lock time-outs,
outages and twins happen: only the killer is parked, nobody innocent.
"""

import random

import pytest

from contract import Position
from tests.consuming.events import id_of, make_event
from tests.consuming.killing import KILL, World, deliver, parked, record

ORDERS = [f"order-{n}" for n in range(8)]
PER_ORDER = 6


def stream(seed: int, killers: int, *, aggregated: bool, shuffled: bool = False):
    """Records of all orders, and where the killers stand: at most one per order."""
    draw = random.Random(seed)
    deadly = {(o, draw.randrange(1, PER_ORDER + 1)) for o in draw.sample(ORDERS, killers)}
    left = {o: iter(range(1, PER_ORDER + 1)) for o in ORDERS}
    places = ORDERS * PER_ORDER
    draw.shuffle(places)
    events = []
    for order_id in places:
        version = next(left[order_id])
        kind = KILL if (order_id, version) in deadly else "note"
        events.append(make_event(version, order_id=order_id, type=kind))
    if shuffled:  # versions come early, and are drained from the lot
        draw.shuffle(events)
    size = 5 if aggregated else 1
    records = [record(i // size + 1, events[i : i + size]) for i in range(0, len(events), size)]
    positions = {
        arrival.position
        for item in records
        for arrival in item.arrivals
        if arrival.event is not None and arrival.event.type == KILL
    }
    return records, deadly, positions


def check(world, records, deadly, positions):
    """Every order is where its killer left it; what an interruption left to be drained goes on
    with the order's next delivery, so everything is delivered once more first.
    """
    with world.calm():
        deliver(world, records)
    assert parked(world) == dict.fromkeys(positions, "killer")
    stops = dict(deadly)
    for order_id in ORDERS:
        applied = range(1, stops.get(order_id, PER_ORDER + 1))
        assert world.database.journal.get(order_id, []) == [
            str(id_of((order_id, version))) for version in applied
        ]
        waiting = world.database.lot.get(order_id, [])
        assert len(waiting) == PER_ORDER - len(applied)


@pytest.mark.parametrize("aggregated", [False, True])
@pytest.mark.parametrize("seed", range(30))
def test_only_the_killer_is_parked(seed, aggregated):
    records, deadly, positions = stream(seed, 1, aggregated=aggregated)
    world = World(seed, trouble=0.05)
    deliver(world, records)
    check(world, records, deadly, positions)


@pytest.mark.parametrize("seed", range(20))
def test_three_killers_at_once(seed):
    records, deadly, positions = stream(seed, 3, aggregated=seed % 2 == 0)
    world = World(seed, trouble=0.03)
    deliver(world, records)
    check(world, records, deadly, positions)


@pytest.mark.parametrize("seed", range(20))
def test_a_killer_that_is_drained_from_the_lot(seed):
    records, deadly, positions = stream(seed, 2, aggregated=False, shuffled=True)
    world = World(seed, trouble=0.03)
    deliver(world, records)
    check(world, records, deadly, positions)


@pytest.mark.parametrize("seed", range(20))
def test_trouble_alone_parks_nothing(seed):
    records, _, _ = stream(seed, 0, aggregated=seed % 2 == 0)
    world = World(seed, trouble=0.15)
    deliver(world, records)
    check(world, records, set(), set())


@pytest.mark.parametrize("seed", range(5))
def test_other_cuts_of_the_batch(seed):
    """The batch that died never comes in the same cut again."""
    records, deadly, positions = stream(seed, 1, aggregated=False)
    world = World(seed, trouble=0.0)
    draw = random.Random(seed)
    for _ in range(20):
        start = 0
        while start < len(records):
            size = draw.randrange(1, 25)
            world.invoke(records[start : start + size])
            start += size
    check(world, records, deadly, positions)


def test_a_killer_costs_a_bounded_number_of_processes():
    records, _, positions = stream(1, 1, aggregated=False)
    world = World(1, trouble=0.0)
    deliver(world, records)
    assert parked(world) == {next(iter(positions)): "killer"}
    assert len(world.projection.victims) <= 5


def test_position_of_a_killer_includes_its_place_in_the_record():
    events = [make_event(v, type=KILL if v == 2 else "note") for v in (1, 2, 3)]
    world = World(3, trouble=0.0)
    deliver(world, [record(7, events)])
    assert parked(world) == {Position(7, 1): "killer"}
