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
    Undocumented,
)
from tests.simulation.faults import Fault

SENDING_MS = 60_000
"""Events are sent, and faults begin, within this time."""

STRANGER = -1
"""The producer of orders whose events come from elsewhere."""

NO_KEY = "no order can have this key: \0"

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

    def contradicting(self) -> frozenset[int]:
        """Which events contradict another, or are contradicted: the same id or version, another
        content; and those of the other kind.
        """
        wrong = [item for item in self.items if item.flavour in CONFLICTS]
        return frozenset(
            item.n
            for item in self.items
            for other in wrong
            if item.id == other.id or (item.version and item.version == other.version)
        )

    def proven_by_version(self) -> bool:
        """Whether nothing of it needs the ledger to be told from something else."""
        return all(item.flavour in ("note", "again", "renamed", *DRIVEN) for item in self.items)

    def sending(self) -> list[Item]:
        """What is sent, in the order in which it is."""
        sent = [item for item in self.items if item.flavour != "missing"]
        return sorted(sent, key=lambda item: item.n + item.late * 1.01)


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreign:
    """A record of another producer, put at `at` milliseconds under `key`.

    `kind`: an `aggregate` of these items; a `mixed` one, with something in it that is no event; a
    `torn` one, which nobody can take apart; `nonsense`; or that, `keyless`: under no order's key.
    """

    name: str
    at: int
    kind: str
    key: str
    items: tuple[str, ...] = ()


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
    strangers: tuple[Foreign, ...] = ()
    once: tuple[bool, ...] = ()
    """For each producer, whether it is a Lambda's, which keeps nothing between its requests."""

    def without(self, names: Collection[str]) -> "Scenario":
        """The same plan without these faults, orders (`A`) and items (`A#3`)."""
        gone = frozenset(names)
        orders = tuple(
            dataclasses.replace(order, items=_left(order, gone))
            for order in self.orders
            if order.order_id not in gone
        )
        faults = tuple(fault for fault in self.faults if fault.name not in gone)
        strangers = tuple(foreign for foreign in self.strangers if foreign.name not in gone)
        return dataclasses.replace(self, orders=orders, faults=faults, strangers=strangers)

    def parts(self) -> list[str]:
        """The names that `without` understands, those that make the plan much smaller first."""
        return [
            *(fault.name for fault in self.faults),
            *(foreign.name for foreign in self.strangers),
            *(order.order_id for order in self.orders),
            *(item.name for order in self.orders for item in reversed(order.items)),
        ]


def _left(order: OrderPlan, gone: frozenset[str]) -> tuple[Item, ...]:
    """What is left of an order's items: a version that is not sent is missing, but for the last."""
    items = list(order.items)
    while items and items[-1].name in gone:
        items.pop()
    if not order.versioned:
        return tuple(item for item in items if item.name not in gone)
    return tuple(
        dataclasses.replace(item, flavour="missing") if item.name in gone else item
        for item in items
    )
