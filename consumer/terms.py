"""What a transaction is asked to do, and what it did."""

from collections.abc import Collection, Iterable
from uuid import UUID

import msgspec

from consumer.lanes import Lanes
from consumer.order import Decided, Failure, Waiting
from contract import Position


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction has to mind beside its lanes and lots.

    `only` is the one entry of the lot that may be run. `vouched`: this code has applied an event
    in this invocation, so that what fails does not say that everything does. The marker of the
    environment `ends` is taken back with the commit, unless a lot is left to drain.
    """

    only: Position | None = None
    vouched: bool = False
    ends: UUID | None = None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction has to do; `asks_all` where walking straight ahead was not enough."""

    lanes: Lanes
    drain: int
    blame: Failure | None
    terms: Terms
    asks_all: bool = False


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """What one committed transaction did.

    `parked` are the entries new in the lot, `refused` those in it that became blockers,
    `drainable` the orders whose lot another transaction can go on applying. `ended`: the
    environment's marker was taken back with it.
    """

    applied: int
    drained: int
    duplicates: int
    parked: tuple[Waiting, ...]
    refused: tuple[Waiting, ...]
    drainable: tuple[str, ...]
    ended: bool = False


def committed(
    decisions: Collection[Decided], strays: Iterable[Waiting], *, ended: bool
) -> Committed:
    """What these decisions come to, and strays beside them; `ended` as far as nothing is left."""
    drained = sum(len(decided.drained) for decided in decisions)
    left = tuple(d.head.order_id for d in decisions if d.drainable)
    return Committed(
        applied=sum(len(decided.applied) for decided in decisions),
        drained=drained,
        duplicates=sum(decided.duplicates for decided in decisions),
        parked=(*(entry for decided in decisions for entry in decided.parked), *strays),
        refused=tuple(entry for decided in decisions for entry in decided.refused),
        drainable=left,
        ended=ended and not left,
    )
