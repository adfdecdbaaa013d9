"""A small world in which processes die: batches are delivered, split and delivered again, while
everything that is not a death happens too. One seed, one history.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import psycopg

from consumer.apart.evidence import At
from consumer.apart.witness import Ended, Inside, Witness, Work
from consumer.arrivals import Record
from consumer.attempts import Attempts, Interrupted
from consumer.batch import Applied, apply_batch
from consumer.delivery import Delivery
from consumer.deploys import Code
from contract import Event, Position
from tests.consuming.events import arrive
from tests.consuming.journal import JournalInMemory
from tests.consuming.markers import MarkedDatabase

TIMEOUT = 10.0
DEATHS = 3
CODE = Code(version="v1", most=5)
KILL = "kill"
SHARD = "shard-0"


class Killed(BaseException):
    """The process is gone: nothing of it runs any more, no `finally` either."""


class Mortal(Delivery):
    """A delivery whose process can die. The dead stay in `graves`: a generator that is collected
    would run its `finally` after all.
    """

    graves: list[Any]

    @contextmanager
    def running(self) -> Iterator[None]:
        around = super().running()
        around.__enter__()
        self.graves.append(around)
        try:
            yield
        except Killed:
            raise
        except BaseException as error:
            if not around.__exit__(type(error), error, error.__traceback__):
                raise
        else:
            around.__exit__(None, None, None)


class Deadly(JournalInMemory):
    """Events of type `kill` end the process; what died is written down. `telling` hears which order
    comes next.
    """

    def __init__(self) -> None:
        self.victims: list[Any] = []
        self.telling: Callable[[str | None], None] = lambda _: None

    def load(self, cursor: Any, order_ids: Sequence[str]) -> Any:
        self.telling(None)
        return super().load(cursor, order_ids)

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        self.telling(event.order_id)
        if event.type == KILL:
            self.victims.append(event.id)
            raise Killed
        return super().apply(state, event)


class Apart:
    """A process apart in this one: it says where it is, and dies as the others do."""

    def __init__(self, world: "World", attempts: Attempts) -> None:
        self._world = world
        self._attempts = attempts
        self._piece = At()
        self._here: At | None = None

    def __call__(self, work: Work, _: float, __: float) -> Ended:
        world = self._world
        said: list[Any] = []
        self._here = None
        world.projection.telling = self._nearer
        world.processes += 1
        try:
            work.do(Inside(self._attempts, self._at, said.append))
        except (Killed, MemoryError, SystemExit) as death:
            world.now += 0.1
            return Ended(said=said, at=self._here, death=type(death).__name__)
        except Interrupted as problem:
            return Ended(said=said, at=self._here, problem=problem)
        finally:
            world.projection.telling = lambda _: None
        return Ended(said=said, at=self._here)

    def _at(self, piece: At) -> None:
        self._piece = self._here = piece

    def _nearer(self, order_id: str | None) -> None:
        if self._piece.order_id is None:
            self._here = At(order_id)


class World:
    """One shard, one database, a clock, and environments that come and go."""

    def __init__(self, seed: int, *, trouble: float) -> None:
        self.random = random.Random(seed)
        self.trouble = trouble
        self.now = 0.0
        self.database = MarkedDatabase(lambda: self.now)
        self.projection = Deadly()
        self.environments = 0
        self.processes = 0
        self.graves: list[Any] = []
        self.away = False
        self._warm: list[UUID] = []
        self._open = self.database.open
        self._transaction = self.database.transaction
        self._at_once = self.database.at_once
        self.database.open = self._opening  # type: ignore[method-assign] # faults are put in here
        self.database.transaction = self._troubled  # type: ignore[method-assign] # and here
        self.database.at_once = self._noting  # type: ignore[method-assign] # and here

    def invoke(self, records: Sequence[Record]) -> Applied | None:
        """One invocation, cold or warm; None if its process died."""
        environment = self._environment()
        deadline = self.now + TIMEOUT
        attempts = Attempts(self.database, self.projection, lambda: deadline - self.now, 0.1, CODE)
        delivery = Mortal(attempts, environment=environment, shard=SHARD)
        delivery.graves = self.graves
        try:
            applied = apply_batch(
                records,
                attempts,
                chunk_events=30,
                drain=3,
                delivery=delivery,
                witness=Witness(attempts, Apart(self, attempts), DEATHS, 5.0),
            )
        except Killed:
            # A loop is killed at the time-out, an exit is known at once.
            self.now = deadline if self.random.random() < 0.5 else self.now
            self.now += 0.01
            return None
        self._warm.append(environment)
        return applied

    def twin(self, records: Sequence[Record]) -> None:
        """Another invocation of the same batch begins, and is at work until its own end."""
        attempts = Attempts(self.database, self.projection, lambda: TIMEOUT, 0.1, CODE)
        twin = Delivery(attempts, environment=self._new(), shard=SHARD)
        with suppress(Interrupted):  # or it meets the outage at once
            twin.begin([int(r.sequence_number) for r in records])

    @contextmanager
    def calm(self) -> Iterator[None]:
        kept, self.trouble, self.away = self.trouble, 0.0, False
        yield
        self.trouble = kept

    def _environment(self) -> UUID:
        if self._warm and self.random.random() < 0.7:
            return self._warm.pop(self.random.randrange(len(self._warm)))
        return self._new()

    def _new(self) -> UUID:
        self.environments += 1
        return UUID(int=self.environments)

    def _opening(self) -> None:
        self.now += 0.001
        if self.away:
            self.away = self.random.random() < 0.8
            raise psycopg.OperationalError("connection refused")

    @contextmanager
    def _troubled(self) -> Iterator[Any]:
        self.now += 0.005
        self._trouble()
        with self._transaction() as given:
            yield given
            self._trouble()

    @contextmanager
    def _noting(self) -> Iterator[Any]:
        self.now += 0.001
        if self.away:
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        with self._at_once() as deliveries:
            yield deliveries

    def _trouble(self) -> None:
        if self.away:
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        if self.random.random() >= self.trouble:
            return
        kind = self.random.randrange(4)
        if kind == 0:
            self.away = True
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        raise (
            psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"),
            psycopg.errors.SerializationFailure("could not serialize access"),
            psycopg.errors.UndefinedTable("relation does not exist"),
        )[kind - 1]


def record(number: int, events: Sequence[Event]) -> Record:
    return Record(
        sequence_number=str(number),
        arrivals=tuple(arrive(number, event, sub=i) for i, event in enumerate(events)),
    )


def deliver(world: World, records: Sequence[Record], *, most: int = 3_000) -> int:
    """Deliver as the event source mapping does, bisecting what died, until all is finished."""
    waiting = [list(records)]
    for count in range(most):
        if not waiting:
            return count
        if world.random.random() < world.trouble:
            world.twin(waiting[0])
        place = world.random.randrange(min(2, len(waiting)))  # halves may run side by side
        batch = waiting.pop(place)
        applied = world.invoke(batch)
        world.now += world.random.choice((0.0, 0.05, 1.0))
        if applied is None and len(batch) > 1 and world.random.random() < 0.8:
            cut = len(batch) // 2
            waiting[place:place] = [batch[:cut], batch[cut:]]
        elif applied is None:
            waiting.insert(place, batch)
        elif applied.checkpoint is not None:
            numbers = [r.sequence_number for r in batch]
            waiting.insert(place, batch[numbers.index(applied.checkpoint) :])
    raise AssertionError(f"not finished after {most} invocations")


def parked(world: World) -> dict[Position, str]:
    """What needs a decision, and why."""
    return {
        entry.arrival.position: str(entry.failure.reason)
        for entries in world.database.lot.values()
        for entry in entries
        if entry.kind == "blocker"
    }
