"""Runs transactions against the clock, and once more where a second try may help."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from consumer.database import Database
from consumer.deliveries import Deliveries
from consumer.deploys import BadDeploy, Code
from consumer.faults import Fault, Phase, judge, outline
from consumer.lanes import Lanes
from consumer.order import Failure
from consumer.projection import Projection
from consumer.terms import Committed, Terms
from consumer.transaction import Transaction, TransactionFailed
from contract import InorderError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Interrupted(InorderError):
    """The batch cannot go on now; what is committed stays and the rest has to come again.

    `fault` is None where only the time ran out; `sqlstate` is the server's, if it said something.
    """

    def __init__(self, fault: Fault | None, problem: str, sqlstate: str | None = None) -> None:
        super().__init__(problem)
        self.fault = fault
        self.sqlstate = sqlstate

    def __reduce__(self) -> tuple[Any, ...]:
        return Interrupted, (self.fault, str(self), self.sqlstate)


class Stopped(Interrupted):
    """The running version of the code may park nothing more until it applies an event."""

    def __init__(self, bad: BadDeploy) -> None:
        super().__init__(Fault.STOP, str(bad))
        self._bad = bad
        self.orders = bad.failing.orders

    def __reduce__(self) -> tuple[Any, ...]:
        return Stopped, (self._bad,)


class Attempts:
    """The transactions of one invocation. `remaining` returns the seconds it has left."""

    def __init__(
        self,
        database: Database,
        projection: Projection[Any],
        remaining: Callable[[], float],
        reserve_seconds: float,
        code: Code | None = None,
    ) -> None:
        self._database = database
        self._projection = projection
        self.remaining = remaining
        self._reserve = reserve_seconds
        self.code = code or Code()
        self.transient_failures = 0
        """How often the database, or the way to it, failed; also where a second try helped."""
        self._unreachable = False
        self._largest = 1
        self._largest_seconds = 0.0

    def commit(
        self,
        lanes: Lanes,
        *,
        drain: int,
        blame: Failure | None = None,
        terms: Terms | None = None,
    ) -> Committed:
        """One transaction, tried again on a new connection if the first met a transient fault.

        Raises `Interrupted`, or `TransactionFailed` if the data are to blame. A second try after
        a commit whose answer was lost is safe: it finds the events in the ledger.
        """
        return self.run(
            lambda transaction: transaction.run(lanes, drain=drain, blame=blame, terms=terms),
            events=sum(len(lane) for lane in lanes.values()),
        )

    def run(self, work: Callable[[Transaction], T], *, events: int) -> T:
        """Let `work` run one transaction, under the rules of `commit`; it may be called twice."""
        self._check_time(events)
        before = self.remaining()
        try:
            return self._twice(lambda: work(self._transaction()), events)
        finally:
            self._measure(events, before - self.remaining())

    def note(self, work: Callable[[Deliveries], T], *, at_the_end: bool = False) -> T:
        """Let `work` send one statement that commits on its own; raises `Interrupted`.

        Tried as `commit` is; `at_the_end` there is no time for that, nor for a server that did not
        answer before.
        """
        if not at_the_end:
            self._check_time(0)
            return self._twice(lambda: self._at_once(work), 0)
        if self._unreachable:
            raise Interrupted(Fault.TRANSIENT, "the database did not answer before")
        return self._once(lambda: self._at_once(work))

    def step_aside(self) -> float:
        """Close the connection, for a process that works apart meanwhile, and say how many seconds
        it may take; raises `Interrupted` if there is no time for it.
        """
        self._check_time(0)
        self._database.close()
        return self.remaining() - self._reserve

    def stop(self, stopped: Stopped) -> None:
        """Tell everybody, if the database can be told, that this version of the code is stopped."""
        try:
            self.note(lambda deliveries: deliveries.stop(self.code.version, stopped.orders))
        except (Interrupted, TransactionFailed) as error:
            log.warning("could not write down that the code is stopped: %s", error)

    @property
    def unreachable(self) -> bool:
        """Whether the last thing that was tried was to connect, in vain."""
        return self._unreachable

    def _transaction(self) -> Transaction:
        return Transaction(self._database, self._projection, self.code)

    def _at_once(self, work: Callable[[Deliveries], T]) -> T:
        try:
            with self._database.at_once() as deliveries:
                return work(deliveries)
        except Exception as error:
            raise TransactionFailed(judge(error, Phase.OTHER), Phase.OTHER, error) from error

    def _twice(self, work: Callable[[], T], events: int) -> T:
        try:
            return self._once(work)
        except Interrupted as first:
            if first.fault is not Fault.TRANSIENT:
                raise
            log.warning("trying once more on a new connection after %s", first)
            self._check_time(events)
            return self._once(work)

    def _once(self, work: Callable[[], T]) -> T:
        self._unreachable = True
        try:
            self._database.open()
        except Exception as error:
            raise self._interrupted(_of_connect(error), f"connecting: {outline(error)}") from error
        self._unreachable = False
        try:
            return work()
        except TransactionFailed as failed:
            if failed.fault is Fault.DATA:
                raise
            if isinstance(failed.error, BadDeploy):
                raise Stopped(failed.error) from failed.error
            self._database.close()
            problem = f"{failed.phase.name.lower()}: {outline(failed.error)}"
            sqlstate = getattr(failed.error, "sqlstate", None)
            raise self._interrupted(failed.fault, problem, sqlstate) from failed.error

    def _interrupted(self, fault: Fault, problem: str, sqlstate: str | None = None) -> Interrupted:
        self.transient_failures += fault is Fault.TRANSIENT
        return Interrupted(fault, problem, sqlstate)

    def _check_time(self, events: int) -> None:
        """Twice what the largest transaction so far took, in proportion, has to be left."""
        needed = self._reserve + 2 * self._largest_seconds * events / self._largest
        if self.remaining() < needed:
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
