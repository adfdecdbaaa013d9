"""What is known of an order before its events are decided, and what was decided."""

from enum import StrEnum
from uuid import UUID

import msgspec

from consumer.arrivals import Arrival
from contract import Position


class State(StrEnum):
    """Whether an order's next event may be applied."""

    OPEN = "open"
    GAP = "gap"
    PARKED = "parked"


class Kind(StrEnum):
    """Why an event is in the parking lot."""

    BLOCKER = "blocker"
    FOLLOWER = "follower"
    GAP = "gap"
    STRAY = "stray"


class Reason(StrEnum):
    """What an operator is told first about an event in the lot; docs/runbook.md has each."""

    UNREADABLE = "unreadable"
    REJECTED = "rejected"
    UNKNOWN_TYPE = "unknown_type"
    FAILED = "failed"
    DATA_ERROR = "data_error"
    KILLER = "killer"
    WRONG_KIND = "wrong_kind"
    CONFLICT = "conflict"
    OVERTAKEN = "overtaken"
    FOLLOWS = "follows"
    EARLY = "early"
    UNPROVEN = "unproven"
    EDITED = "edited"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """How far an order has come. `ordinal` is the version of a versioned order, else a count;
    `position` the highest taken in; `versioned` None until the first readable event;
    `decided` whether an operator has skipped or edited events of it.
    """

    order_id: str
    versioned: bool | None = None
    ordinal: int = 0
    position: Position | None = None
    state: State = State.OPEN
    decided: bool = False


class Fact(msgspec.Struct, frozen=True):
    """That an event is in the ledger or the lot: enough to prove or refute a duplicate."""

    id: UUID | None
    version: int | None
    digest: int | None


class Failure(msgspec.Struct, frozen=True):
    """Why an event cannot be applied."""

    reason: Reason
    detail: str


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the lot. `entry_id` is None for one that this transaction puts there."""

    arrival: Arrival
    rank: int
    kind: Kind
    failure: Failure
    entry_id: int | None = None

    @property
    def place(self) -> tuple[int, float]:
        """Sorts the entries of one order as they will be redriven."""
        return self.rank, float("inf") if self.entry_id is None else self.entry_id


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision may rest on, read under the head's lock.

    `facts` holds what is known under the ids and versions that the lane's events carry,
    `positions` the places on the stream of the lane's unreadable events that are in the lot,
    `waiting` the first entries of the lot in redrive order: all of them, or one more than may be
    drained; `cut` where memory asks for fewer, at least two. `blocked` tells whether any entry
    needs a decision, `last_rank` is the highest in use. `settled` are events that an operator
    skipped or edited, as they came.
    """

    head: Head
    facts: tuple[Fact, ...] = ()
    settled: tuple[Fact, ...] = ()
    positions: frozenset[Position] = frozenset()
    waiting: tuple[Waiting, ...] = ()
    cut: bool = False
    blocked: bool = False
    last_rank: int = 0


class Entry(msgspec.Struct, frozen=True):
    """A row for the ledger: an event and its place in its order."""

    arrival: Arrival
    ordinal: int


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one order's lane: the rows to write, and what to count.

    `drained` names the entries of the lot that were applied, `refused` those that were next and
    failed. `drainable`: nothing hinders what waits but the bound on one transaction.
    """

    head: Head
    applied: tuple[Entry, ...] = ()
    parked: tuple[Waiting, ...] = ()
    drained: tuple[int, ...] = ()
    refused: tuple[Waiting, ...] = ()
    duplicates: int = 0
    drainable: bool = False
