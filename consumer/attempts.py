"""Runs transactions against the clock, and once more where a second try may help."""

import logging
from collections.abc import Callable
from typing import Any

import psycopg

from consumer.database import Database
from consumer.faults import Fault, describe
from consumer.lanes import Lanes
from consumer.order import Failure
from consumer.projection import Projection
from consumer.transaction import Committed, Transaction, TransactionFailed
from contract import InorderError

log = logging.getLogger(__name__)


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
        self._seconds_per_event = 0.0

    def commit(self, lanes: Lanes, *, drain: int, blame: Failure | None = None) -> Committed:
        """One transaction, tried again on a new connection if the first met a transient fault.

        Raises `Interrupted`, or `TransactionFailed` if the data are to blame. A second try after
        a commit whose answer was lost is safe: it finds the events in the ledger.
        """
        events = sum(len(lane) for lane in lanes.values())
        self._check_time(events)
        before = self._remaining()
        try:
            committed = self._once(lanes, drain, blame)
        except Interrupted as first:
            if first.fault is not Fault.TRANSIENT:
                raise
            log.warning("trying once more on a new connection after %s", first)
            self._check_time(events)
            committed = self._once(lanes, drain, blame)
        if events:
            self._seconds_per_event = (before - self._remaining()) / events
        return committed

    def _once(self, lanes: Lanes, drain: int, blame: Failure | None) -> Committed:
        try:
            self._database.open()
        except Exception as error:
            raise Interrupted(_of_connect(error), f"connecting: {describe(error)}") from error
        try:
            return Transaction(self._database, self._projection).run(
                lanes, drain=drain, blame=blame
            )
        except TransactionFailed as failed:
            if failed.fault is Fault.DATA:
                raise
            self._database.close()
            problem = f"{failed.phase.name.lower()}: {describe(failed.error)}"
            raise Interrupted(failed.fault, problem) from failed.error

    def _check_time(self, events: int) -> None:
        """As long as the last transaction took per event, doubled, has to be left."""
        needed = self._reserve + 2 * self._seconds_per_event * events
        if self._remaining() < needed:
            raise Interrupted(None, f"less than {needed:.1f} s left of this invocation")


def _of_connect(error: Exception) -> Fault:
    """A server that does not answer comes back; a wrong password or database (class 28, 3D), a
    secret that cannot be read or a server that forgets commits does not by itself.
    """
    if not isinstance(error, psycopg.Error):
        return Fault.STOP
    return Fault.STOP if (error.sqlstate or "").startswith(("28", "3D", "42")) else Fault.TRANSIENT
