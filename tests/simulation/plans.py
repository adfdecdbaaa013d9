"""Plans by hand, for tests that want one interleaving and no other."""

import dataclasses
from typing import Any
from uuid import UUID

from local.mapping.settings import MappingSettings
from local.mapping.undocumented import Undocumented
from tests.simulation.faults import Fault
from tests.simulation.scenario import Item, OrderPlan, Scenario


def order(order_id: str, *flavours: str, versioned: bool = True, pause_ms: int = 500) -> OrderPlan:
    """An order whose events are sent half a second apart; `late` behind the next three."""
    items = tuple(
        Item(
            order_id=order_id,
            n=n,
            flavour="note" if flavour == "late" else flavour,
            id=UUID(int=(ord(order_id) << 64) | n),
            version=n + 1 if versioned else None,
            token=f"{order_id}{n}",
            pause_ms=pause_ms,
            late=3 if flavour == "late" else 0,
        )
        for n, flavour in enumerate(flavours)
    )
    return OrderPlan(order_id=order_id, producer=0, versioned=versioned, items=items)


def changed(plan: OrderPlan, n: int, **changes: Any) -> OrderPlan:
    """The order with its nth item made otherwise."""
    items = list(plan.items)
    items[n] = dataclasses.replace(items[n], **changes)
    return dataclasses.replace(plan, items=tuple(items))


def fault(kind: str, at: int = 0, lasts: int = 20_000, *, name: str = "", **given: Any) -> Fault:
    name = name or f"{kind}-{at}"
    return Fault(name=name, kind=kind, at=at, until=at + lasts, **given)


def scenario(
    *orders: OrderPlan, faults: tuple[Fault, ...] = (), seed: int = 1, **given: Any
) -> Scenario:
    """One producer, one shard, batches of up to 100; all of it may be given otherwise."""
    mapping = {"parallelization_factor": 2, "bisect_on_error": True} | given.pop("mapping", {})
    defaults: dict[str, Any] = {
        "buckets": (False,),
        "shards": 1,
        "mapping": MappingSettings(report_batch_item_failures=True, **mapping),
        "undocumented": Undocumented(),
        "chunk_events": 100,
        "drain_entries": 100,
        "concurrency": 10,
        "timeout_ms": 15_000,
        "mutates": True,
    }
    return Scenario(seed=seed, orders=orders, faults=faults, **(defaults | given))
