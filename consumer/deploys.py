"""A version of the code that fails everything stops, instead of parking everybody. Pure.

An order that fails *unexpectedly* (an exception, an error of the database about its data, a death:
anything but `Rejected`) says little about the code as long as others succeed. So what is counted,
per code version and in the transaction that parks them, are the distinct orders that failed since
this version last applied an event. The one that makes it `most` stops the version: its transaction
commits nothing, the batch comes again, and from then on a transaction that holds failures and no
success commits nothing. Every invocation still tries, so the first event that is applied lifts the
stop. Fewer than `most` orders are parked by then, and carry the version that parked them.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from consumer.order import Decided, Kind, Reason
from contract import InorderError

UNEXPECTED = frozenset({Reason.FAILED, Reason.DATA_ERROR, Reason.KILLER})
"""Reasons that may be the code's fault."""


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """The version of the code that runs, and how many orders in a row may fail under it; 0 for as
    many as there are.
    """

    version: str = ""
    most: int = 0


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """Distinct orders that failed since the last success, and whether that has stopped the code."""

    orders: tuple[str, ...] = ()
    stopped: bool = False


class BadDeploy(InorderError):
    """The running version of the code fails every order it meets; nothing is parked any more."""

    def __init__(self, code: Code, failing: Failing) -> None:
        super().__init__(
            f"code version {code.version} is stopped: {len(failing.orders)} orders failed "
            "unexpectedly and none has succeeded since; deploy a version that works"
        )
        self.code = code
        self.failing = failing

    def __reduce__(self) -> tuple[Any, ...]:
        return BadDeploy, (self.code, self.failing)


def failing_orders(decisions: Iterable[Decided]) -> list[str]:
    """The orders, sorted, in which an event became a blocker for a reason nobody expected."""
    return sorted(
        decided.head.order_id
        for decided in decisions
        if any(
            entry.kind is Kind.BLOCKER and entry.failure.reason in UNEXPECTED
            for entry in (*decided.parked, *decided.refused)
        )
    )


def must_stop(code: Code, failing: Failing) -> bool:
    """Whether a transaction with failures and no success may not commit."""
    return failing.stopped or len(failing.orders) >= code.most
