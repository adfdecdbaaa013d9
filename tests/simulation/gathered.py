"""Situations that take several things at once: gathered here, since chance hardly ever does.

Each adds an order to a plan that was drawn, and what has to happen around it; the rest stays.
"""

import dataclasses
from uuid import UUID

import msgspec

from tests.simulation.dice import Dice
from tests.simulation.faults import Fault
from tests.simulation.scenario import Item, OrderPlan, Scenario

_HINDERED = ("refuse", "break", "spoil")


def gather(scenario: Scenario, dice: Dice) -> Scenario:
    """The plan with one of the situations in it, or as it is."""
    if not dice.chance(0.25):
        return scenario
    situations = (_hole_behind_a_blocker, _given_up_before_a_blocker, _drained_by_two)
    return dice.pick((*situations, _drained_by_two))(scenario, dice)


def crowd(scenario: Scenario, dice: Dice) -> Scenario:
    """The plan, or that with many orders whose next events come in one batch again and again."""
    if not dice.chance(0.15):
        return scenario
    pause = dice.pick((1_000, 4_000))
    for order_id in "NOPQRS":
        scenario = _with(scenario, _one_of_a_crowd(order_id, pause, dice))
    mapping = msgspec.structs.replace(
        scenario.mapping, batch_size=100, window_seconds=2, parallelization_factor=1
    )
    return dataclasses.replace(scenario, shards=1, chunk_events=100, mapping=mapping)


def _one_of_a_crowd(order_id: str, pause_ms: int, dice: Dice) -> OrderPlan:
    order = _order(order_id, ("note",) * dice.between(2, 6), versioned=True, pause_ms=pause_ms)
    items = list(order.items)
    n = dice.between(1, len(items) - 1)
    match dice.pick(("note", "hindered", "conflict")):
        case "hindered":
            items[n] = dataclasses.replace(items[n], flavour=dice.pick(_HINDERED))
        case "conflict":
            items[n] = dataclasses.replace(items[n], flavour="conflict_id", id=items[0].id)
    return dataclasses.replace(order, items=tuple(items))


def _hole_behind_a_blocker(scenario: Scenario, dice: Dice) -> Scenario:
    """What a redrive goes on with ends at a version that is missing."""
    before, behind = ("note",) * dice.below(3), ("note",) * dice.between(1, 4)
    flavours = (*before, dice.pick(_HINDERED), *behind, "missing", "note", *behind)
    return _with(scenario, _order("K", flavours, versioned=True, pause_ms=dice.below(1_000)))


def _given_up_before_a_blocker(scenario: Scenario, dice: Dice) -> Scenario:
    """Without versions: what the mapping gives up comes back when a later event is parked."""
    flavours = ("note",) * dice.between(1, 4) + (dice.pick(_HINDERED), "note")
    order = _order("L", flavours, versioned=False, pause_ms=dice.between(500, 2_000))
    away = _fault("missing_table", dice.below(6_000), dice.between(300, 2_000))
    mapping = msgspec.structs.replace(
        scenario.mapping, maximum_retry_attempts=0, batch_size=1, window_seconds=0
    )
    return dataclasses.replace(_with(scenario, order, away), mapping=mapping)


def _drained_by_two(scenario: Scenario, dice: Dice) -> Scenario:
    """A lot with a killer in it is drained apart, entry by entry, while mended code redrives it."""
    flavours = ("note", "note", *("note",) * dice.below(3), "kill", *("note",) * 7)
    order = _order("M", flavours, versioned=True, pause_ms=dice.between(100, 300))
    items = list(order.items)
    items[1] = dataclasses.replace(items[1], late=len(items) - 2)
    order = dataclasses.replace(order, items=tuple(items))
    slow = _fault("slow", 0, 240_000, rate=dice.pick((0.3, 1.0)))
    mended = _fault("fix", dice.between(30_000, 50_000), 0, chance=dice.pick((0.0, 0.9)))
    mapping = msgspec.structs.replace(scenario.mapping, batch_size=3)
    crowd = dataclasses.replace(scenario, drain_entries=1, timeout_ms=60_000, mapping=mapping)
    return _with(crowd, order, slow, mended)


def _order(
    order_id: str, flavours: tuple[str, ...], *, versioned: bool, pause_ms: int
) -> OrderPlan:
    items = tuple(
        Item(
            order_id=order_id,
            n=n,
            flavour=flavour,
            id=UUID(int=(ord(order_id) << 96) | n),
            version=n + 1 if versioned else None,
            token=f"{order_id}{n}",
            pause_ms=pause_ms,
        )
        for n, flavour in enumerate(flavours)
    )
    return OrderPlan(order_id=order_id, producer=0, versioned=versioned, items=items)


def _fault(kind: str, at: int, lasts: int, *, rate: float = 1.0, chance: float = 0.0) -> Fault:
    return Fault(name=f"g-{kind}", kind=kind, at=at, until=at + lasts, rate=rate, chance=chance)


def _with(scenario: Scenario, order: OrderPlan, *faults: Fault) -> Scenario:
    return dataclasses.replace(
        scenario, orders=(*scenario.orders, order), faults=(*scenario.faults, *faults)
    )
