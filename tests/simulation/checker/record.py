"""What the checker knows of one order: what was planned, what landed, what the tables say."""

from dataclasses import dataclass, field
from typing import Any

from tests.simulation.scenario import Item, OrderPlan

Row = dict[str, Any]
Place = tuple[int, int]
Change = tuple[str, Any, Row | None, Row | None]
"""A table's name, the row's key, the row before and after."""


@dataclass(slots=True)
class Commit:
    """What one commit brought: by order the blockers that stood before it, and rows."""

    blockers: dict[str | None, dict[int, Row]] = field(default_factory=dict)
    flowed: set[str | None] = field(default_factory=set)
    """Orders that were not parked before."""
    ledger: list[Row] = field(default_factory=list)
    parked: list[Row] = field(default_factory=list)
    """Entries that are new in the lot, or of another kind now."""
    gone: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class OrderRecord:
    """Facts of one order. Items are named by their `n`; doubles by that of their original."""

    plan: OrderPlan | None
    landed: dict[int, Place] = field(default_factory=dict)
    garbled: list[Place] = field(default_factory=list)
    dropped: set[int] = field(default_factory=set)
    doubled: set[int] = field(default_factory=set)
    """Those that have landed twice."""
    given_up: set[int] = field(default_factory=set)
    """Those of which the mapping has given up a copy."""
    expired: set[int] = field(default_factory=set)
    """Those of which a copy has expired before anybody read it."""
    pruned: bool = False
    decided: bool = False
    """An operator has skipped or edited something of it, or closed a gap."""
    skipped: set[int] = field(default_factory=set)
    passed: set[int] = field(default_factory=set)
    """Versions that an operator has passed over, whatever becomes of them."""
    acknowledged: set[int] = field(default_factory=set)
    applied: list[int] = field(default_factory=list)
    came_from: int = 0
    """How many were applied before the last commit."""
    rows: list[Row] = field(default_factory=list)
    lot: dict[int, Row] = field(default_factory=dict)
    head: Row | None = None
    trail: tuple[str, ...] = ()

    def blockers(self) -> list[Row]:
        return [row for row in self.lot.values() if row["kind"] == "blocker"]

    def waiting(self) -> list[Row]:
        """The lot in redrive order, strays apart."""
        rows = [row for row in self.lot.values() if row["kind"] != "stray"]
        return sorted(rows, key=lambda row: (row["rank"], row["entry_id"]))


def place_of(row: Row) -> Place:
    return int(row["sequence_number"]), row["sub_sequence_number"]


def original(item: Item) -> int:
    """The `n` of the event that this item is, or is the double of."""
    return item.n if item.equals is None else item.equals
