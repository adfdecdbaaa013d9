"""Transactions that do as they are told, and a clock that they use up."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from consumer import attempts
from consumer.attempts import Attempts
from consumer.faults import Fault, Phase
from consumer.lanes import Lanes
from consumer.order import Failure, Kind, Waiting
from consumer.terms import Committed, Terms
from consumer.transaction import TransactionFailed


class ScriptedDatabase:
    """Stands for the database, its transactions and the clock of the invocation.

    `seconds(events)` is what a transaction takes. It fails as `fails(lanes)` says, unless blame is
    brought; `outage` is raised when connecting.
    """

    def __init__(
        self,
        *,
        left: float = 60.0,
        seconds: Callable[[int], float] = lambda _: 0.0,
        fails: Callable[[Lanes], TransactionFailed | None] = lambda _: None,
    ) -> None:
        self.left = left
        self.seconds = seconds
        self.fails = fails
        self.outage: Exception | None = None
        self.opened = 0
        self.closed = 0
        self.runs: list[tuple[Lanes, int, Failure | None]] = []
        self.drainable: dict[str, int] = {}

    def open(self) -> None:
        self.opened += 1
        if self.outage is not None:
            raise self.outage

    def close(self) -> None:
        self.closed += 1

    def run(self, lanes: Lanes, drain: int, blame: Failure | None) -> Committed:
        self.runs.append((lanes, drain, blame))
        arrivals = [arrival for lane in lanes.values() for arrival in lane]
        self.left -= self.seconds(len(arrivals))
        failure = None if blame else self.fails(lanes)
        if failure is not None:
            raise failure
        parked = (
            tuple(
                Waiting(arrival=arrival, rank=1, kind=Kind.BLOCKER, failure=blame)
                for arrival in arrivals
            )
            if blame
            else ()
        )
        return Committed(
            applied=len(arrivals) - len(parked),
            drained=0,
            duplicates=0,
            parked=parked,
            refused=(),
            drainable=tuple(order_id for order_id in lanes if self._still_drainable(order_id)),
        )

    def _still_drainable(self, order_id: str | None) -> bool:
        left = self.drainable.get(order_id or "", 0)
        self.drainable[order_id or ""] = left - 1
        return left > 0

    @contextmanager
    def in_use(self, *, reserve: float = 1.0) -> Iterator[Attempts]:
        """Attempts whose transactions are this script's."""
        script = self

        class Scripted:
            def __init__(self, *_: Any) -> None:
                pass

            def run(
                self,
                lanes: Lanes,
                *,
                drain: int,
                blame: Failure | None = None,
                terms: Terms | None = None,
            ) -> Committed:
                return script.run(lanes, drain, blame)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(attempts, "Transaction", Scripted)
            yield Attempts(self, None, lambda: self.left, reserve)


def failed(fault: Fault, phase: Phase = Phase.SAVE) -> TransactionFailed:
    """A transaction that failed, and what it is taken for."""
    return TransactionFailed(fault, phase, psycopg.DataError("the script says so"))


def failing_for(*order_ids: str) -> Callable[[Lanes], TransactionFailed | None]:
    """Every transaction with one of these orders in it fails for its data."""

    def fails(lanes: Lanes) -> TransactionFailed | None:
        return failed(Fault.DATA) if set(order_ids) & set(lanes) else None

    return fails
