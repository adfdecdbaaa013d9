"""What an audit says. Values only."""

from datetime import datetime

import msgspec


class Fault(msgspec.Struct, frozen=True, order=True):
    """Something that cannot be true. `place` is the head, a row of the ledger or an entry."""

    order_id: str
    place: str
    name: str
    detail: str


class Waiting(msgspec.Struct, frozen=True):
    """What waits in the parking lot; since how long the oldest blocker waits for a decision, and
    the oldest event of an order in a gap for its version. 0 where none does.
    """

    orders_parked: int
    orders_in_gap: int
    events_waiting: int
    strays_waiting: int
    oldest_parked_seconds: float
    oldest_gap_seconds: float


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What one run looked at and found. `rows` of the ledger were new, `orders` were looked at
    whole. Everything applied before `audited_to` has been audited; `lag_seconds` is how long ago
    that is. `finished` is False where the time ran out first. At most a thousand orders with
    faults are named.
    """

    rows: int
    orders: int
    faults: tuple[Fault, ...]
    waiting: Waiting
    audited_to: datetime
    lag_seconds: float
    finished: bool
