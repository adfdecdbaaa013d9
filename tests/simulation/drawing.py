"""Draws a plan from a seed."""

import dataclasses
from uuid import UUID

import msgspec

from local.mapping.settings import MappingSettings
from local.mapping.undocumented import (
    BisectHalves,
    FailingSlot,
    MergedChild,
    PartialProgress,
    SlotChoice,
    Undocumented,
    UpdateDuringBatch,
)
from tests.simulation.dice import Dice
from tests.simulation.faults import MOMENTS, OPERATIONS, RATES, WINDOWS, Fault
from tests.simulation.gathered import crowd, gather
from tests.simulation.scenario import (
    BAD,
    CONFLICTS,
    NO_KEY,
    REPEATS,
    SENDING_MS,
    STRANGER,
    Foreign,
    Item,
    OrderPlan,
    Scenario,
)


def draw(seed: int) -> Scenario:
    """The plan of this seed."""
    dice = Dice(seed, "plan")
    producers = dice.between(1, 3)
    buckets = tuple(dice.chance(0.25) for _ in range(producers))
    orders = tuple(
        _order(dice, number, buckets) for number in range(dice.pick((1, 2, 3, 4, 6, 8, 10)))
    )
    other = Dice(seed, "strangers")
    theirs = tuple(_theirs(other, n) for n in range(other.pick((0, 0, 1, 2))))
    drawn = Scenario(
        seed=seed,
        orders=(*orders, *theirs),
        buckets=buckets,
        faults=(*_faults(dice), *_operations(Dice(seed, "operations"))),
        shards=dice.pick((1, 1, 2, 3)),
        mapping=_giving_up(Dice(seed, "retries"), _mapping(dice)),
        undocumented=_undocumented(dice),
        chunk_events=dice.pick((1, 2, 5, 100, 100)),
        drain_entries=dice.pick((1, 2, 100)),
        concurrency=dice.pick((1, 3, 10, 20)),
        timeout_ms=dice.pick((15_000, 60_000)),
        mutates=dice.chance(0.5),
        strangers=_strangers(other, theirs),
        once=_once(Dice(seed, "requests"), producers),
    )
    return crowd(gather(drawn, Dice(seed, "gathered")), Dice(seed, "crowd"))


def _once(dice: Dice, producers: int) -> tuple[bool, ...]:
    return tuple(dice.chance(0.2) for _ in range(producers))


def _theirs(dice: Dice, number: int) -> OrderPlan:
    """An order whose events come from elsewhere: with versions, and nothing wrong with them."""
    order_id = chr(ord("T") + number)
    items = tuple(
        Item(
            order_id=order_id,
            n=n,
            flavour="note",
            id=UUID(int=(ord(order_id) << 96) | n),
            version=n + 1,
            token=f"{order_id}{n}",
            pause_ms=0,
        )
        for n in range(dice.pick((2, 3, 6)))
    )
    return OrderPlan(order_id=order_id, producer=STRANGER, versioned=True, items=items)


def _strangers(dice: Dice, theirs: tuple[OrderPlan, ...]) -> tuple[Foreign, ...]:
    """Their orders' events, in aggregates of several orders under one key; and nonsense."""
    left = [list(order.items) for order in theirs]
    found: list[Foreign] = []
    at = 0
    while any(left):
        at += dice.below(8_000)
        items = [items.pop(0) for items in left for _ in range(dice.between(0, 2)) if items]
        kind = "mixed" if dice.chance(0.2) else "aggregate"
        names = tuple(item.name for item in items)
        if items:
            found.append(Foreign(name=f"s{len(found)}", at=at, kind=kind, key="one", items=names))
            if dice.chance(0.2):  # their producer did not hear that it was stored
                found.append(dataclasses.replace(found[-1], name=f"s{len(found)}", at=at + 500))
    for _ in range(dice.pick((0, 0, 0, 1, 2))):
        name = f"s{len(found)}"
        kind = dice.pick(("torn", "nonsense", "keyless"))
        key = NO_KEY if kind == "keyless" else name
        found.append(Foreign(name=name, at=dice.below(SENDING_MS), kind=kind, key=key))
    return tuple(found)


def _order(dice: Dice, number: int, buckets: tuple[bool, ...]) -> OrderPlan:
    order_id = chr(ord("A") + number)
    producer = dice.below(len(buckets))
    versioned = dice.chance(0.6)
    length = dice.pick((2, 3, 5, 8, 12))
    trouble = dice.below(length) if dice.chance(0.45) else -1
    pace = dice.pick((0, 300, 3_000, 8_000))
    items: list[Item] = []
    version = 0
    for n in range(length):
        pause = dice.below(pace + 1)
        fresh = UUID(int=(number << 96) | (0xA << 64) | n)
        flavour = "note"
        if n == trouble:
            flavour = dice.pick((*BAD, *CONFLICTS, *REPEATS, "shared_id"))
        applied = [item for item in items if item.flavour == "note"]
        item = Item(
            order_id=order_id,
            n=n,
            flavour="note",
            id=fresh,
            version=version + 1 if versioned else None,
            token=f"{order_id}{n}",
            pause_ms=pause,
        )
        item = _flavoured(item, flavour, dice, applied, buckets_used=buckets[producer])
        if versioned and item.flavour == "note" and dice.chance(0.1):
            item = dataclasses.replace(item, late=dice.between(1, 4))
        if item.version is not None and item.version == version + 1:
            version += 1
        items.append(item)
    if any(item.flavour in (*CONFLICTS, "garbled") for item in items):
        items = [dataclasses.replace(item, late=0) for item in items]
    return OrderPlan(order_id=order_id, producer=producer, versioned=versioned, items=tuple(items))


def _flavoured(
    item: Item, flavour: str, dice: Dice, applied: list[Item], *, buckets_used: bool
) -> Item:
    """The item with the trouble that was drawn for it, if that can be here."""
    change = dataclasses.replace
    versioned = item.version is not None
    if flavour == "note" or (flavour == "missing" and not versioned):
        return item
    if flavour == "garbled" and buckets_used and not versioned:
        return item  # nobody could tell whose bytes they are: a documented limit
    if flavour == "shared_id":
        return change(item, id=UUID(int=0xABCDEF))
    if flavour in BAD:
        return change(item, flavour=flavour)
    return _beside(item, flavour, dice, dice.pick(applied)) if applied else item


def _beside(item: Item, flavour: str, dice: Dice, earlier: Item) -> Item:
    """The item as the double of an earlier one, or in contradiction to it."""
    change = dataclasses.replace
    versioned = item.version is not None
    doubled = {"version": earlier.version, "token": earlier.token, "equals": earlier.n}
    match flavour:
        case "again":
            return change(item, id=earlier.id, flavour=flavour, **doubled)
        case "renamed":
            return change(item, flavour=flavour, **doubled) if versioned else item
        case "wrong_kind":
            return change(item, version=None if versioned else 1, flavour=flavour)
        case "conflict_version" if versioned:
            return change(item, version=earlier.version, flavour=flavour)
    version = earlier.version if dice.chance(0.5) else item.version
    return change(item, id=earlier.id, version=version, flavour="conflict_id")


def _faults(dice: Dice) -> tuple[Fault, ...]:
    """How many kinds meet in one run is drawn first: calm runs, and very unlucky ones."""
    pool = [kind for kind in (*WINDOWS, *MOMENTS) if kind not in OPERATIONS]
    kinds = dice.shuffled(pool)[: dice.pick((0, 1, 2, 3, 4, 6, 10, 16))]
    found: list[Fault] = []
    for kind in kinds:
        for _ in range(dice.pick((1, 1, 2))):
            at = dice.below(dice.pick((1_000, 10_000, SENDING_MS)))
            lasts = dice.pick((500, 3_000, 20_000, 20_000, 120_000))
            if kind in ("outage", "failover", "disable") and dice.chance(0.1):
                lasts = 600_000
            found.append(
                Fault(
                    name=f"f{len(found)}",
                    kind=kind,
                    at=at,
                    until=at + lasts,
                    rate=dice.pick(RATES.get(kind, (0.03, 0.1, 0.3, 0.7))),
                    chance=dice.random(),
                )
            )
    return tuple(found)


def _mapping(dice: Dice) -> MappingSettings:
    return MappingSettings(
        batch_size=dice.pick((1, 2, 3, 5, 100)),
        window_seconds=dice.pick((0, 0, 1, 5)),
        parallelization_factor=dice.pick((1, 2, 4, 10)),
        bisect_on_error=dice.chance(0.6),
        report_batch_item_failures=True,
    )


_SEQUENCES = (
    ("operator", "redrive"),
    ("operator", "mapping_recreate"),
    ("redrive", "operator"),
    ("disable", "expiry"),
)


def _operations(dice: Dice) -> tuple[Fault, ...]:
    """What people do besides, more often than chance would have it."""
    found: list[Fault] = []
    for _ in range(dice.pick((0, 0, 0, 1, 3))):
        at = dice.below(2 * SENDING_MS)
        first, after = dice.pick(_SEQUENCES)
        for kind, when, lasts in ((first, at, 20_000), (after, at + dice.below(20_000), 0)):
            name = f"o{len(found)}"
            chance = dice.random()
            found.append(Fault(name=name, kind=kind, at=when, until=when + lasts, chance=chance))
    return tuple(found)


def _giving_up(dice: Dice, settings: MappingSettings) -> MappingSettings:
    """With finite retries, some of them: what is given up goes to the on-failure bucket."""
    if not dice.chance(0.15):
        return settings
    retries = dice.pick((0, 1, 2, 5))
    return msgspec.structs.replace(settings, maximum_retry_attempts=retries)


def _undocumented(dice: Dice) -> Undocumented:
    return Undocumented(
        slot_choice=dice.pick(tuple(SlotChoice)),
        failing_slot=dice.pick(tuple(FailingSlot)),
        partial_progress=dice.pick(tuple(PartialProgress)),
        bisect_halves=dice.pick(tuple(BisectHalves)),
        update_during_batch=dice.pick(tuple(UpdateDuringBatch)),
        merged_child=MergedChild.AFTER_ONE if dice.chance(0.2) else MergedChild.AFTER_BOTH,
        backoff_after_split=dice.chance(0.5),
        backoff_jitter=dice.pick((0.0, 0.5)),
    )
