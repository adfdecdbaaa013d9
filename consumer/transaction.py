"""One transaction: lock heads, look up, decide, fold, write, commit. All of it or nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg import Cursor

from consumer.arrivals import Arrival
from consumer.database import Database
from consumer.deploys import BadDeploy, Code, failing_orders, must_stop
from consumer.faults import Fault, Phase, judge, outline
from consumer.fold import Fold
from consumer.lanes import Lanes
from consumer.order import Decided, Failure, Head, Kind, Order, Reason, State, Waiting
from consumer.projection import BadProjection, Projection, called
from consumer.rows import Beside
from consumer.sequencer import decide, drainable
from consumer.store import Store
from consumer.straight import Walk, divided, straight, walk
from consumer.terms import Committed, Task, Terms, committed
from contract import InorderError, Position

T = TypeVar("T")

Begin = Callable[[], AbstractContextManager[tuple[Store, Cursor[Any]]]]


class TransactionFailed(InorderError):
    """Nothing was committed, unless only the answer to the commit was lost."""

    def __init__(self, fault: Fault, phase: Phase, error: Exception) -> None:
        super().__init__(f"in {phase.name.lower()}: {outline(error)}")
        self.fault = fault
        self.phase = phase
        self.error = error


class OutOfTurn(InorderError):
    """Another invocation has gone on with the order's lot in the meantime."""


class Transaction:
    """Applies lanes in one transaction; what it knows of the orders lasts for one `run`."""

    def __init__(
        self, database: Database, projection: Projection[Any], code: Code | None = None
    ) -> None:
        self._database = database
        self.projection = projection
        self.code = code or Code()
        self._phase = Phase.OTHER

    def run(
        self,
        lanes: Lanes,
        *,
        drain: int,
        blame: Failure | None = None,
        terms: Terms | None = None,
    ) -> Committed:
        """Apply these lanes and at most `drain` entries of each order's lot, and commit.

        With `blame` nothing is applied: the next event of each order is parked with it.
        Raises `TransactionFailed`, everything rolled back. It is done a second time where the first
        did not ask enough (`consumer.straight`), or where an error came to light in a pipeline,
        maybe later than it was made: outside it can be judged.
        """
        task = Task(lanes=lanes, drain=drain, blame=blame, terms=terms or Terms())
        pipelines = self._database.pipelines
        begin = self._database.pipelined if pipelines else self._database.transaction
        try:
            return self._within(begin, partial(self._run, task))
        except TransactionFailed as failed:
            if not (_says_what_was_not_asked(failed) or (pipelines and _may_be_elsewhere(failed))):
                raise
            task = msgspec.structs.replace(task, asks_all=True)
            return self.atomically(partial(self._run, task))

    def atomically(self, work: Callable[[Store, Cursor[Any]], T]) -> T:
        """Do some work and commit it: `work` gets our tables and a cursor for the projection.

        Raises `TransactionFailed`, everything rolled back; a process out of memory is past that.
        """
        return self._within(self._database.transaction, work)

    def _within(self, begin: Begin, work: Callable[[Store, Cursor[Any]], T]) -> T:
        self._phase = Phase.OTHER
        try:
            with begin() as (store, users):
                result = work(store, users)
                self._phase = Phase.COMMIT
        except MemoryError:
            raise
        except Exception as error:
            raise self._failed(error) from error
        return result

    def _failed(self, error: Exception) -> TransactionFailed:
        """What failed, and in which phase: what was posted is told to whoever comes next."""
        refused = self._database.refused
        if refused is not None:
            error, self._phase = refused, Phase.OTHER
        return TransactionFailed(judge(error, self._phase), self._phase, error)

    def _run(self, task: Task, store: Store, users: Cursor[Any]) -> Committed:
        lanes = {o: lane for o, lane in task.lanes.items() if o is not None}
        heads = store.lock(sorted(lanes))
        ahead = {} if task.asks_all or task.blame else _straight(heads, lanes)
        asked = {o: lane for o, lane in lanes.items() if o not in ahead}
        answers = store.ask({o: heads[o] for o in asked}, asked, drain=task.drain)
        states = {} if task.blame else dict(self.load(users, _not_parked(heads)))
        orders = answers()
        _check_turn(orders, task.terms.only)
        if not task.blame:
            states.update(self.load(users, _drainable(orders)))
        fold = Fold(self.projection, states)
        written, ended, stopped = self._walk(heads, ahead, store, fold)
        decisions = [
            *ended,
            *self._rests(stopped, store, fold, task.drain),
            *(
                decide(orders[o], lane, fold.apply, drain=task.drain, blame=task.blame)
                for o, lane in asked.items()
            ),
        ]
        strays = [_stray(arrival) for arrival in task.lanes.get(None, ())]
        done = committed([*written, *decisions], strays, ended=task.terms.ends is not None)
        beside = Beside(
            code_version=self.code.version,
            succeeded=done.applied > 0,
            ended=task.terms.ends if done.ended else None,
        )
        if not (done.applied or task.terms.vouched):
            self._check_deploy(store, failing_orders(decisions))
        store.write([d for d in decisions if _changes(d, heads)], strays, beside)
        self.save(users, fold)
        return done

    def _walk(
        self,
        heads: Mapping[str, Head],
        lanes: Mapping[str, Sequence[Arrival]],
        store: Store,
        fold: Fold,
    ) -> tuple[list[Decided], list[Decided], list[Walk]]:
        """Walk these lanes in parts, each while the one before it is written: what has been, the
        last part, which has not, and the walks that a failure has ended, of which nothing has.
        """
        written: list[Decided] = []
        ended: list[Decided] = []
        stopped: list[Walk] = []
        for part in divided(lanes):
            if ended:
                store.write(ended)
            written += ended
            walks = [walk(heads[o], lane, fold.apply) for o, lane in part.items()]
            ended = [each.decided() for each in walks if not each.failure]
            stopped += (each for each in walks if each.failure)
        return written, ended, stopped

    def _rests(
        self, walks: Sequence[Walk], store: Store, fold: Fold, drain: int
    ) -> Iterator[Decided]:
        """Go on behind the failures that ended these walks: now their orders are asked about."""
        heads = {each.head.order_id: each.head for each in walks}
        rests = {each.head.order_id: each.rest for each in walks}
        orders = store.look_up(heads, rests, drain=drain)
        for each in walks:
            order = orders[each.head.order_id]
            yield each.before(decide(order, each.rest, each.applying(fold.apply), drain=drain))

    def _check_deploy(self, store: Store, failing: Sequence[str]) -> None:
        """Count what failed without any success; raises `BadDeploy` instead of parking it."""
        if not failing or not self.code.most:
            return
        known = store.count_failing(self.code.version, failing)
        if must_stop(self.code, known):
            raise BadDeploy(self.code, known)

    def next_to_drain(self, order_id: str) -> Position | None:
        """The entry that a drain of this order's lot would begin with; None if there is none."""

        def look(store: Store, _: Cursor[Any]) -> Position | None:
            heads = store.lock([order_id])
            order = store.look_up(heads, {order_id: ()}, drain=0)[order_id]
            return order.waiting[0].arrival.position if drainable(order) else None

        return self.atomically(look)

    def save(self, users: Cursor[Any], fold: Fold) -> None:
        """Let the projection write the states that the fold has changed."""
        states = fold.changed(lambda order_ids: self.load(users, order_ids))
        if states:
            self._in(Phase.SAVE, lambda: self.projection.save(users, states))

    def load(self, users: Cursor[Any], order_ids: list[str]) -> Mapping[str, Any]:
        """The projection's states of these orders."""
        if not order_ids:
            return {}
        states = self._in(Phase.LOAD, lambda: self.projection.load(users, order_ids))
        if not isinstance(states, Mapping):
            raise BadProjection(
                f"{called(self.projection)}.load returned {type(states).__name__}: "
                "it has to return a mapping of order ID to state"
            )
        return states

    def _in(self, phase: Phase, action: Callable[[], Any]) -> Any:
        """Remember what the projection is doing, so that what it raises can be judged."""
        self._phase = phase
        result = action()
        self._phase = Phase.OTHER
        return result


def _may_be_elsewhere(failed: TransactionFailed) -> bool:
    """Whether a pipeline may have raised this later than the statement that it is about, so that it
    has to be met again where it is made. What is transient is so wherever it is met.
    """
    return isinstance(failed.error, psycopg.errors.PipelineAborted) or (
        isinstance(failed.error, psycopg.Error) and failed.fault is not Fault.TRANSIENT
    )


def _says_what_was_not_asked(failed: TransactionFailed) -> bool:
    """Whether the ledger's keys have refused an event: what is known of it was not asked then."""
    return failed.phase is Phase.OTHER and isinstance(failed.error, psycopg.errors.UniqueViolation)


def _straight(
    heads: Mapping[str, Head], lanes: Mapping[str, Sequence[Arrival]]
) -> dict[str, Sequence[Arrival]]:
    return {order_id: lane for order_id, lane in lanes.items() if straight(heads[order_id], lane)}


def _not_parked(heads: Mapping[str, Head]) -> list[str]:
    """The orders, sorted, of which an event may be applied whatever else is known of them."""
    return sorted(o for o, head in heads.items() if head.state is not State.PARKED)


def _drainable(orders: Mapping[str, Order]) -> list[str]:
    """The orders, sorted, that are parked and wait for nothing but their turn."""
    return sorted(order_id for order_id, order in orders.items() if drainable(order))


def _check_turn(orders: Mapping[str, Order], only: Position | None) -> None:
    for order in orders.values() if only is not None else ():
        if not drainable(order) or order.waiting[0].arrival.position != only:
            raise OutOfTurn(
                f"order {order.head.order_id!r} has gone on without the event at {only}"
            )


def _changes(decided: Decided, heads: Mapping[str, Head]) -> bool:
    return (
        decided.head != heads[decided.head.order_id]
        or bool(decided.parked)
        or bool(decided.refused)
    )


def _stray(arrival: Arrival) -> Waiting:
    """Bytes whose order nobody can tell: kept, and in nobody's way."""
    return Waiting(
        arrival=arrival,
        rank=0,
        kind=Kind.STRAY,
        failure=Failure(Reason.UNREADABLE, arrival.problem),
    )
