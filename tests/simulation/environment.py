"""An execution environment of the function: one process, and its end of the network.

Inside it runs the consumer's own code, wired as `consumer.handler` wires it.
"""

from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

from consumer.arrivals import read_batch
from consumer.attempts import Attempts
from consumer.batch import Applied, apply_batch
from consumer.database import Database
from consumer.delivery import Delivery
from consumer.deploys import Code
from consumer.redrive.lots import Bound
from consumer.redrive.orders import Redriven, Which, redrive_orders
from consumer.redrive.replay import Means
from consumer.settings import Settings
from consumer.watchdog import cuts
from tests.simulation.database.connection import Connection
from tests.simulation.database.server import Server, error_of
from tests.simulation.dice import Dice
from tests.simulation.loop import Killed, Loop, Task
from tests.simulation.projection import Trails

RESERVE_SECONDS = 1.0
CONNECT_SECONDS = 5
KILLER_DEATHS = 3
FAILING_ORDERS = 3

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
        return self._imagine()

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

    def kill(self, environment: "Environment", how: str) -> None: ...

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
        self._function = function
        self.connections: dict[Connection, None] = {}
        self.database = SimulatedDatabase(self._connect)
        self.projection = projection(mutates=function.mutates, die=self._die, hang=self._hang)

    # ---------------------------------------------------------------- one invocation

    def apply(self, event: dict[str, Any], shard_id: str, deadline: int) -> dict[str, Any]:
        """What `consumer.handler` does, without its logs and metrics."""
        function = self._function
        attempts = self._attempts(deadline)
        delivery = Delivery(
            attempts, environment=self.id, code_version=self.version, shard=shard_id
        )
        watched = cuts(attempts.remaining(), reserve=RESERVE_SECONDS, connect=CONNECT_SECONDS)
        task = function.loop.running
        for seconds in watched:
            at = function.loop.now + int(seconds * 1_000)
            function.loop.at(at, lambda: None if task.done else self.database.cut())
        applied: Applied = apply_batch(
            read_batch(event),
            attempts,
            chunk_events=function.chunk_events,
            drain=function.drain_entries,
            delivery=delivery,
            killer_deaths=KILLER_DEATHS,
        )
        self.problem = str(applied.problem)
        checkpoint = applied.checkpoint
        failures = [] if checkpoint is None else [{"itemIdentifier": checkpoint}]
        return {"batchItemFailures": failures}

    def redrive(self, which: Which, deadline: int) -> list[Redriven]:
        attempts = self._attempts(deadline)
        delivery = Delivery(attempts, environment=self.id, code_version=self.version)
        means = Means(attempts, delivery, Bound(entries=2), KILLER_DEATHS)
        return list(redrive_orders(means, which))

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
        self._function.strikes("")  # whoever waits for its locks is disturbed already
        self._function.loop.running.pause()

    def _die(self) -> None:
        """Called by the process itself: nothing of it runs after this."""
        self._function.loop.after(0, lambda: self._function.kill(self, "crashes"))
        self._function.loop.running.pause()
        raise Killed
