"""The Lambda function as Lambda runs it: execution environments, time-outs, throttles, deaths.

Inside an environment runs the consumer's own code, wired as `consumer.handler` wires it; what is
imagined is the process around it, and the network between it and the database.
"""

from collections.abc import Callable
from functools import partial
from types import NoneType
from typing import Any
from uuid import UUID

from consumer.arrivals import read_batch
from consumer.attempts import Attempts, Interrupted
from consumer.batch import Applied, apply_batch
from consumer.database import Database
from consumer.delivery import Delivery
from consumer.deploys import Code
from consumer.redrive.lots import Bound
from consumer.redrive.orders import Redriven, Which, redrive_orders
from consumer.redrive.replay import Means
from consumer.settings import Settings
from consumer.transaction import TransactionFailed
from consumer.watchdog import cuts
from local.mapping.facts import Answered, FunctionFailed, Outcome, Throttled
from tests.simulation.database.connection import Connection
from tests.simulation.database.server import Server, error_of
from tests.simulation.dice import Dice
from tests.simulation.loop import Killed, Loop, Task
from tests.simulation.projection import Trails

RESERVE_SECONDS = 1.0
CONNECT_SECONDS = 5
KILLER_DEATHS = 3
FAILING_ORDERS = 3
WRITERS = ("add_heads", "advance", "park")

Log = Callable[..., None]


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


class Environment:
    """One process: it lives from its first invocation to its death, one invocation at a time."""

    def __init__(
        self, function: "Function", number: int, version: str, projection: type[Trails]
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


_REFUSALS = (
    ("serialization", "40001"),
    ("canceled", "57014"),
    ("lock_timeout", "55P03"),
    ("missing_table", "42P01"),
)


class Function:
    """Invokes, within its concurrency. `strikes` says which faults meet what happens here."""

    def __init__(
        self,
        *,
        loop: Loop,
        dice: Dice,
        server: Server,
        strikes: Callable[[str], bool],
        disturbed: Callable[[int], bool],
        checker: Any,
        log: Log,
        scenario: Any,
    ) -> None:
        self.loop = loop
        self.dice = dice
        self.server = server
        self.strikes = strikes
        self.chunk_events: int = scenario.chunk_events
        self.drain_entries: int = scenario.drain_entries
        self.mutates: bool = scenario.mutates
        self.invocations = 0
        self._disturbed = disturbed
        self._checker = checker
        self._log = log
        self._concurrency: int = scenario.concurrency
        self._timeout: int = scenario.timeout_ms
        self._idle: list[Environment] = []
        self._busy: dict[Environment, Callable[[Outcome], None]] = {}
        self._made = 0
        self._version = "v1"
        self._projection: type[Trails] = Trails

    def deploy(self, version: str, projection: type[Trails]) -> None:
        """New environments run this version; the old ones end what they are doing."""
        self._log("deploy", version)
        self._version, self._projection = version, projection
        for environment in self._idle:
            self._discard(environment)
        self._idle.clear()

    @property
    def busy(self) -> bool:
        return bool(self._busy)

    def invoke(
        self, event: dict[str, Any], shard_id: str, answer: Callable[[Outcome], None]
    ) -> None:
        """Run a batch; `answer` gets what Lambda says of it."""
        if self.strikes("throttle") or (not self._idle and self._full()):
            self._log("throttled")
            self.loop.after(1, partial(answer, Throttled()))
            return
        environment = self._take()
        began = self.loop.now
        deadline = began + self._timeout
        self.invocations += 1
        self._busy[environment] = answer
        self._log("invoke", environment.name, shard_id, len(event["Records"]))
        stall = self.strikes("stall")

        def work() -> dict[str, Any]:
            if stall:
                self.loop.running.pause()
            return environment.apply(event, shard_id, deadline)

        environment.task = self.loop.spawn(work, partial(self._ended, environment, began))
        task = environment.task
        self.loop.at(deadline, lambda: None if task.done else self.kill(environment, "times out"))

    def redrive(self, which: Which) -> None:
        """Run a redrive, as its schedule or an operator does; a function of its own."""
        self._made += 1
        environment = Environment(self, self._made, self._version, self._projection)
        deadline = self.loop.now + self._timeout
        self._log("redrive", which.name, environment.name)

        def end(task: Task) -> None:
            self._log("redriven", environment.name, *_redriven(task))
            if not isinstance(task.error, (Interrupted, TransactionFailed, NoneType)):
                name = type(task.error).__name__
                self._checker.failed(f"a redrive raised {name}: {task.error}")
            self._discard(environment)

        environment.task = self.loop.spawn(lambda: environment.redrive(which, deadline), end)
        task = environment.task
        self.loop.at(deadline, lambda: None if task.done else self.kill(environment, "times out"))

    def kill(self, environment: Environment, how: str) -> None:
        """The process is gone, in the middle of whatever it does."""
        if environment.dead:
            return
        self._log(environment.name, how)
        self.strikes("")  # a death disturbs
        marker = self.server.tables.table("delivery").get(environment.id)
        if marker is not None and marker["deadline"] is not None:
            self._checker.died(marker)
        answer = self._busy.pop(environment, None)
        self._bury(environment)
        if answer is not None:
            answer(FunctionFailed(timed_out=how == "times out"))

    def connected(self, name: str) -> None:
        self._checker.connected(name, len(self._idle) + len(self._busy))

    def disconnected(self, name: str) -> None:
        self._checker.disconnected(name)

    def _full(self) -> bool:
        return len(self._busy) >= self._concurrency

    def _take(self) -> Environment:
        if self._idle:
            return self._idle.pop()
        self._made += 1
        return Environment(self, self._made, self._version, self._projection)

    def _ended(self, environment: Environment, began: int, task: Task) -> None:
        if environment.dead:
            return
        answer = self._busy.pop(environment)
        if task.error is not None:
            self._checker.failed(f"the consumer raised {type(task.error).__name__}: {task.error}")
            raise task.error
        failures = task.result["batchItemFailures"]
        checkpoint = failures[0]["itemIdentifier"] if failures else None
        self._log(environment.name, "answers", checkpoint or "done", environment.problem)
        if not self._disturbed(began):
            self._checker.ended_undisturbed(environment.name, checkpoint, environment.problem)
        if environment.version == self._version:
            self._idle.append(environment)
        else:
            self._discard(environment)
        lost = self.strikes("answer_lost")
        answer(FunctionFailed() if lost else Answered(task.result))

    def _discard(self, environment: Environment) -> None:
        """Lambda ends an environment that nobody uses."""
        self._bury(environment)

    def _bury(self, environment: Environment) -> None:
        for connection in list(environment.connections):
            connection.vanish()
        environment.dead = True
        if environment.task is not None:
            environment.task.kill()


def _redriven(task: Task) -> list[str]:
    if task.error is not None:
        return [f"{type(task.error).__name__}: {task.error}"]
    return [f"{done.order_id}+{done.applied}{done.problem}" for done in task.result]
