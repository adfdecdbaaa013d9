"""An execution environment of the function: one process, and its end of the network.

Inside it runs the consumer's own code, wired as `consumer.handler` wires it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from consumer.apart.evidence import At
from consumer.apart.telling import Tell, Telling
from consumer.apart.witness import Ended, Inside, Witness, Work
from consumer.arrivals import read_batch
from consumer.attempts import Attempts, Interrupted
from consumer.batch import Applied, apply_batch
from consumer.connecting import checked
from consumer.database import Database
from consumer.delivery import Delivery
from consumer.deploys import Code
from consumer.redrive.feeding import Fed, feed_in
from consumer.redrive.lots import Bound
from consumer.redrive.on_failure import FailedBatch, waiting
from consumer.redrive.orders import Redriven, Which, redrive_order, redrive_orders
from consumer.redrive.replay import Means
from consumer.settings import Settings
from consumer.transaction import TransactionFailed
from consumer.watchdog import cuts
from contract import Event
from tests.simulation.database.connection import Connection
from tests.simulation.database.server import Server, error_of
from tests.simulation.dice import Dice
from tests.simulation.loop import Killed, Loop, Task
from tests.simulation.operating import Choice
from tests.simulation.projection import Heard, Trails

RESERVE_SECONDS = 1.0
CONNECT_SECONDS = 5
KILLER_DEATHS = 3
FAILING_ORDERS = 3
PROJECTION_MS = 5_000

_REFUSALS = (
    ("serialization", "40001"),
    ("canceled", "57014"),
    ("lock_timeout", "55P03"),
    ("missing_table", "42P01"),
)


class SimulatedDatabase(Database):
    """The consumer's connection, made to the imagined server."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        super().__init__(Settings(database_url="imagined"))
        self._imagine = connect

    def _connect(self) -> Any:
        return checked(self._imagine())

    def cut(self) -> None:
        if self._connection is not None:
            self._connection.cut()  # type: ignore[attr-defined]


class Surroundings(Protocol):
    """What an environment sees of the function it belongs to."""

    loop: Loop
    dice: Dice
    server: Server
    strikes: Callable[[str], bool]
    chunk_events: int
    drain_entries: int
    mutates: bool

    log: Callable[..., None]

    def kill(self, environment: "Environment", how: str) -> None: ...

    def died_apart(self, at: At | None) -> None: ...

    def runs_apart(self, at: At, event: Event) -> None: ...

    def connected(self, name: str) -> None: ...

    def disconnected(self, name: str) -> None: ...


class Environment:
    """One process: it lives from its first invocation to its death, one invocation at a time."""

    def __init__(
        self, function: "Surroundings", number: int, version: str, projection: type[Trails]
    ) -> None:
        self.name = f"env-{number}"
        self.id = UUID(int=number)
        self.version = version
        self.dead = False
        self.task: Task | None = None
        self.problem = ""
        self.child: Child | None = None
        self._longest_ms = PROJECTION_MS
        self._function = function
        self._kind = projection
        self.connections: dict[Connection, None] = {}
        self.database = SimulatedDatabase(self._connect)
        self.projection: Any = projection(mutates=function.mutates, die=self._die, hang=self._hang)

    # ---------------------------------------------------------------- one invocation

    def apply(self, event: dict[str, Any], shard_id: str, deadline: int) -> dict[str, Any]:
        """What `consumer.handler` does, without its logs and metrics."""
        function = self._function
        attempts = self._attempts(deadline)
        delivery = Delivery(attempts, environment=self.id, shard=shard_id)
        self._watch(attempts.remaining())
        applied: Applied = apply_batch(
            read_batch(event),
            attempts,
            chunk_events=function.chunk_events,
            drain=function.drain_entries,
            delivery=delivery,
            witness=Witness(attempts, self._apart, KILLER_DEATHS, PROJECTION_MS / 1_000),
        )
        self.problem = str(applied.problem)
        checkpoint = applied.checkpoint
        failures = [] if checkpoint is None else [{"itemIdentifier": checkpoint}]
        return {"batchItemFailures": failures}

    def redrive(self, which: Which, deadline: int) -> list[Redriven]:
        attempts = self._attempts(deadline)
        delivery = Delivery(attempts, environment=self.id)
        witness = Witness(attempts, self._apart, KILLER_DEATHS, PROJECTION_MS / 1_000)
        means = Means(attempts, delivery, Bound(entries=2), witness)
        return list(redrive_orders(means, which))

    def operate(self, choice: Choice, deadline: int) -> list[Redriven]:
        """What `inorder parked skip`, `parked edit` and `gap close` do."""
        attempts = self._attempts(deadline)
        order_id = choice.carry_out(self.database)
        if order_id is None:
            return []
        witness = Witness(attempts, self._apart, KILLER_DEATHS, PROJECTION_MS / 1_000)
        delivery = Delivery(attempts, environment=self.id)
        return [redrive_order(Means(attempts, delivery, Bound(entries=2), witness), order_id)]

    def feed(self, bucket: Any, keys: list[str] | None, deadline: int) -> list[Fed]:
        """What redrive does with objects of the bucket."""
        function = self._function
        attempts = self._attempts(deadline)
        witness = Witness(attempts, self._apart, KILLER_DEATHS, PROJECTION_MS / 1_000)

        def apply(batch: FailedBatch) -> Applied:
            return apply_batch(
                batch.records,
                attempts,
                chunk_events=function.chunk_events,
                drain=function.drain_entries,
                delivery=Delivery(attempts, environment=self.id, shard=batch.shard),
                witness=witness,
            )

        wanted = waiting(bucket, lambda: None) if keys is None else keys
        return list(feed_in("on-failure", bucket, wanted, apply))

    def _apart(self, work: Work, seconds: float, longest: float) -> Ended:
        self.child = Child(self, longest)
        try:
            return self.child.run(work, seconds)
        finally:
            self.child = None

    def _watch(self, remaining: float) -> None:
        """`consumer.watchdog`."""
        loop, task = self._function.loop, self._function.loop.running
        for seconds in cuts(remaining, reserve=RESERVE_SECONDS, connect=CONNECT_SECONDS):
            at = loop.now + int(seconds * 1_000)
            loop.at(at, lambda: None if task.done else self.database.cut())

    def _attempts(self, deadline: int) -> Attempts:
        loop = self._function.loop
        return Attempts(
            self.database,
            self.projection,
            lambda: (deadline - loop.now) / 1_000,
            RESERVE_SECONDS,
            Code(version=self.version, most=FAILING_ORDERS),
        )

    # ---------------------------------------------------------------- its end of the network

    def delay(self) -> int:
        function = self._function
        return function.dice.between(0, 8) * (100 if function.strikes("slow") else 1)

    def before(self, connection: Connection, text: str) -> None:
        strikes = self._function.strikes
        if strikes("crash"):
            self._die()
        if strikes("cut"):
            raise connection.broken()
        if text in ("begin", "rollback"):
            return
        for kind, sqlstate in _REFUSALS:
            if strikes(kind):
                raise error_of(sqlstate)
        if strikes("idle_timeout"):
            connection.vanish()
            raise error_of("25P03")

    def loses_commit(self) -> tuple[bool, bool]:
        strikes = self._function.strikes
        if strikes("crash"):
            self._die()
        return strikes("commit_lost"), strikes("commit_answer_lost")

    def bury(self) -> None:
        """It is gone, with whatever it has started."""
        if self.child is not None:
            self.child.bury()
        for connection in list(self.connections):
            connection.vanish()
        self.dead = True
        if self.task is not None:
            self.task.kill()

    def closed(self, connection: Connection) -> None:
        self.connections.pop(connection, None)
        self._function.disconnected(self.name)

    def notices_after(self) -> int:
        function = self._function
        return function.dice.between(0, 30_000) if function.strikes("half_open") else 1

    def _connect(self) -> Connection:
        function = self._function
        function.loop.sleep(self.delay())
        if function.strikes("connections_full"):
            raise error_of("53300")
        if function.strikes("bad_password"):
            raise error_of("28000")
        connection = Connection(function.loop, function.server.connect(), self)
        self.connections[connection] = None
        function.connected(self.name)
        return connection

    def _hang(self) -> None:
        """For ever, or until it is found to run for too long."""
        self._function.strikes("")  # whoever waits for its locks is disturbed already
        self._function.loop.after(self._longest_ms, lambda: self._end("overruns"))
        self._function.loop.running.pause()

    def _die(self) -> None:
        """Called by the process itself: nothing of it runs after this."""
        self._function.loop.after(0, lambda: self._end("crashes"))
        self._function.loop.running.pause()
        raise Killed

    def _end(self, how: str) -> None:
        self._function.kill(self, how)


class Child(Environment):
    """A process apart, of an environment that waits for it: the real `consumer.apart`, but for the
    pipe.
    """

    def __init__(self, parent: Environment, longest: float) -> None:
        super().__init__(parent._function, parent.id.int, parent.version, parent._kind)
        self._longest_ms = int(longest * 1_000)
        self._said: list[Any] = []
        self._at: At | None = None
        self._ended: Ended | None = None
        self._tell = Tell(self._hear)
        self.projection = Telling(Heard(self.projection, self._runs), self._tell)

    def run(self, work: Work, seconds: float) -> Ended:
        """What the parent gets; it waits meanwhile."""
        function = self._function
        loop, parent = function.loop, function.loop.running
        turn = parent.turn
        self._wake = lambda: parent.resume(turn)
        function.log("apart", self.name)
        self.task = loop.spawn(partial(self._work, work, loop.now + int(seconds * 1_000)))
        loop.after(int(seconds * 1_000), self._give_up)
        parent.pause()
        assert self._ended is not None
        return self._ended

    def _work(self, work: Work, deadline: int) -> None:
        self._function.loop.sleep(self._function.dice.between(200, 900))
        attempts = self._attempts(deadline)
        self._watch(attempts.remaining())
        problem: Interrupted | None = None
        try:
            work.do(Inside(attempts, self._tell.at, self._tell.say))
        except Interrupted as interrupted:
            problem = interrupted
        except TransactionFailed as failed:
            problem = Interrupted(failed.fault, str(failed))
        except (MemoryError, SystemExit):
            self._die()
        self.database.close()
        self._over(Ended(said=self._said, at=self._at, problem=problem))

    def _hear(self, kind: str, told: Any) -> None:
        if kind == "at":
            self._at = told
        else:
            self._said.append(told)

    def _runs(self, event: Event) -> None:
        if self._at is not None:
            self._function.runs_apart(self._at, event)

    def _end(self, how: str) -> None:
        if self._ended is None:
            self._function.log(self.name, how, "apart", str(self._at))
            self._function.died_apart(self._at)
            self.bury()
            self._over(Ended(said=self._said, at=self._at, death=how))

    def _give_up(self) -> None:
        if self._ended is None:
            self.bury()
            problem = Interrupted(None, "a process apart did not come back")
            self._over(Ended(said=self._said, at=self._at, problem=problem))

    def _over(self, ended: Ended) -> None:
        self._ended = ended
        self._function.loop.after(1, self._wake)
