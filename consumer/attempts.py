"""Runs transactions against the clock, and once more where a second try may help."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from consumer.database import Database
from consumer.faults import Fault, describe
from consumer.lanes import Lanes
from consumer.order import Failure
from consumer.projection import Projection
from consumer.transaction import Committed, Transaction, TransactionFailed
from contract import InorderError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Interrupted(InorderError):
    """The batch cannot go on now; what is committed stays and the rest has to come again.

    `fault` is None where only the time ran out.
    """

    def __init__(self, fault: Fault | None, problem: str) -> None:
        super().__init__(problem)
        self.fault = fault


class Attempts:
    """The transactions of one invocation. `remaining` returns the seconds it has left."""

    def __init__(
        self,
        database: Database,
        projection: Projection[Any],
        remaining: Callable[[], float],
        reserve_seconds: float,
    ) -> None:
        self._database = database
        self._projection = projection
        self._remaining = remaining
        self._reserve = reserve_seconds
        self._largest = 1
        self._largest_seconds = 0.0

    def commit(self, lanes: Lanes, *, drain: int, blame: Failure | None = None) -> Committed:
        """One transaction, tried again on a new connection if the first met a transient fault.

        Raises `Interrupted`, or `TransactionFailed` if the data are to blame. A second try after
        a commit whose answer was lost is safe: it finds the events in the ledger.
        """
        return self.run(
            lambda transaction: transaction.run(lanes, drain=drain, blame=blame),
            events=sum(len(lane) for lane in lanes.values()),
        )

    def run(self, work: Callable[[Transaction], T], *, events: int) -> T:
        """Let `work` run one transaction, under the rules of `commit`; it may be called twice."""
        self._check_time(events)
        before = self._remaining()
        try:
            return self._twice(work, events)
        finally:
            self._measure(events, before - self._remaining())

    def _twice(self, work: Callable[[Transaction], T], events: int) -> T:
        try:
            return self._once(work)
        except Interrupted as first:
            if first.fault is not Fault.TRANSIENT:
                raise
            log.warning("trying once more on a new connection after %s", first)
            self._check_time(events)
            return self._once(work)

    def _once(self, work: Callable[[Transaction], T]) -> T:
        try:
            self._database.open()
        except Exception as error:
            raise Interrupted(_of_connect(error), f"connecting: {describe(error)}") from error
        try:
            return work(Transaction(self._database, self._projection))
        except TransactionFailed as failed:
            if failed.fault is Fault.DATA:
                raise
            self._database.close()
            problem = f"{failed.phase.name.lower()}: {describe(failed.error)}"
            raise Interrupted(failed.fault, problem) from failed.error

    def _check_time(self, events: int) -> None:
        """Twice what the largest transaction so far took, in proportion, has to be left."""
        needed = self._reserve + 2 * self._largest_seconds * events / self._largest
        if self._remaining() < needed:
            raise Interrupted(None, f"less than {needed:.1f} s left of this invocation")

    def _measure(self, events: int, seconds: float) -> None:
        """A small transaction is no measure: its round trips would be counted per event."""
        if events >= self._largest:
            self._largest, self._largest_seconds = events, seconds


def _of_connect(error: Exception) -> Fault:
    """A server that does not answer comes back; a secret that cannot be read or a server that
    forgets commits does not by itself. A refused password looks like an outage: psycopg gives no
    SQLSTATE for what happens before a connection stands.
    """
    return Fault.TRANSIENT if isinstance(error, psycopg.Error) else Fault.STOP
