"""One run's plan: who sends what when, how everything is set, and what goes wrong.

The plan is a value, drawn from the seed before anything runs. A smaller plan is made by leaving
parts out by name (`without`), which is how the shortest history of a failure is looked for.
"""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

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
from tests.simulation.faults import MOMENTS, RATES, WINDOWS, Fault

SENDING_MS = 60_000
"""Events are sent, and faults begin, within this time."""

DRIVEN = ("refuse", "break", "spoil", "curse", "kill", "hang")
"""Flavours that are types of events: the projection does what they say."""
BAD = (*DRIVEN, "garbled", "missing")
"""Flavours of events after which an order cannot simply go on."""
CONFLICTS = ("conflict_id", "conflict_version", "wrong_kind")
REPEATS = ("again", "renamed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing an order's producer sends, the `n`-th. `equals`: of which one it is the double.

    `flavour` is `note` for an event that applies; see the names above for the others.
    """

    order_id: str
    n: int
    flavour: str
    id: UUID
    version: int | None
    token: str
    pause_ms: int
    equals: int | None = None
    late: int = 0
    """How many of its successors are sent before it: something upstream mixed them up."""

    @property
    def name(self) -> str:
        return f"{self.order_id}#{self.n}"

    @property
    def payload(self) -> bytes:
        if self.flavour == "garbled":
            return b"\xff" + self.name.encode()
        kind = self.flavour if self.flavour in DRIVEN else "note"
        version = "" if self.version is None else f',"version":{self.version}'
        return (
            f'{{"id":"{self.id}","source":"simulation","type":"{kind}",'
            f'"order_id":"{self.order_id}","time":"2026-05-04T12:00:00Z",'
            f'"data":{{"n":"{self.token}"}}{version}}}'
        ).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPlan:
    order_id: str
    producer: int
    versioned: bool
    items: tuple[Item, ...]

    def consistent(self) -> bool:
        """Whether no event of it contradicts another."""
        return all(item.flavour not in CONFLICTS for item in self.items)

    def proven_by_version(self) -> bool:
        """Whether nothing of it needs the ledger to be told from something else."""
        return all(item.flavour in ("note", "again", "renamed", *DRIVEN) for item in self.items)

    def sending(self) -> list[Item]:
        """What is sent, in the order in which it is."""
        sent = [item for item in self.items if item.flavour != "missing"]
        return sorted(sent, key=lambda item: item.n + item.late * 1.01)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """Everything that decides a run besides the code. Times in milliseconds."""

    seed: int
    orders: tuple[OrderPlan, ...]
    buckets: tuple[bool, ...]
    """For each producer, whether its orders share partition keys (bucket mode)."""
    faults: tuple[Fault, ...]
    shards: int
    mapping: MappingSettings
    undocumented: Undocumented
    chunk_events: int
    drain_entries: int
    concurrency: int
    timeout_ms: int
    mutates: bool
    """Whether the projection changes the state it is given."""

    def without(self, names: Collection[str]) -> "Scenario":
        """The same plan without these faults, orders (`A`) and items (`A#3`)."""
        gone = frozenset(names)
        orders = tuple(
            dataclasses.replace(order, items=_left(order, gone))
            for order in self.orders
            if order.order_id not in gone
        )
        faults = tuple(fault for fault in self.faults if fault.name not in gone)
        return dataclasses.replace(self, orders=orders, faults=faults)

    def parts(self) -> list[str]:
        """The names that `without` understands, those that make the plan much smaller first."""
        return [
            *(fault.name for fault in self.faults),
            *(order.order_id for order in self.orders),
            *(item.name for order in self.orders for item in reversed(order.items)),
        ]


def _left(order: OrderPlan, gone: frozenset[str]) -> tuple[Item, ...]:
    """What is left of an order's items: a version that is not sent is missing, unless it is last."""
    items = list(order.items)
    while items and items[-1].name in gone:
        items.pop()
    if not order.versioned:
        return tuple(item for item in items if item.name not in gone)
    return tuple(
        dataclasses.replace(item, flavour="missing") if item.name in gone else item
        for item in items
    )


def draw(seed: int) -> Scenario:
    """The plan of this seed."""
    dice = Dice(seed, "plan")
    producers = dice.between(1, 3)
    buckets = tuple(dice.chance(0.25) for _ in range(producers))
    orders = tuple(
        _order(dice, number, buckets) for number in range(dice.pick((1, 2, 3, 4, 6, 8, 10)))
    )
    return Scenario(
        seed=seed,
        orders=orders,
        buckets=buckets,
        faults=_faults(dice),
        shards=dice.pick((1, 1, 2, 3)),
        mapping=_mapping(dice),
        undocumented=_undocumented(dice),
        chunk_events=dice.pick((1, 2, 5, 100, 100)),
        drain_entries=dice.pick((1, 2, 100)),
        concurrency=dice.pick((1, 3, 10, 20)),
        timeout_ms=dice.pick((15_000, 60_000)),
        mutates=dice.chance(0.5),
    )


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
    if flavour == "note":
        return item
    if flavour == "shared_id":
        return change(item, id=UUID(int=0xABCDEF))
    if flavour == "missing":
        return change(item, flavour=flavour) if versioned else item
    if flavour == "garbled" and buckets_used and not versioned:
        return item  # nobody could tell whose bytes they are: a documented limit
    if flavour in BAD:
        return change(item, flavour=flavour)
    if not applied:
        return item
    earlier = dice.pick(applied)
    if flavour == "again":
        return change(earlier, n=item.n, pause_ms=item.pause_ms, equals=earlier.n, flavour="again")
    if flavour == "renamed":
        if not versioned:
            return item
        return change(
            item, version=earlier.version, token=earlier.token, equals=earlier.n, flavour="renamed"
        )
    if flavour == "wrong_kind":
        return change(item, version=None if versioned else 1, flavour=flavour)
    if flavour == "conflict_version" and versioned:
        return change(item, version=earlier.version, flavour=flavour)
    version = earlier.version if dice.chance(0.5) else item.version
    return change(item, id=earlier.id, version=version, flavour="conflict_id")


def _faults(dice: Dice) -> tuple[Fault, ...]:
    """How many kinds meet in one run is drawn first: calm runs, and very unlucky ones."""
    kinds = dice.shuffled((*WINDOWS, *MOMENTS))[: dice.pick((0, 1, 2, 3, 4, 6, 10, 16))]
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
