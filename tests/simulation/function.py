"""The Lambda function as Lambda runs it: concurrency, time-outs, throttles, deaths, deploys."""

from collections.abc import Callable
from functools import partial
from types import NoneType
from typing import Any

from consumer.apart.evidence import At
from consumer.attempts import Interrupted
from consumer.redrive.orders import Which
from consumer.transaction import TransactionFailed
from contract import Event
from local.mapping.facts import Answered, FunctionFailed, Outcome, Throttled
from tests.simulation.bucket import ImaginedBucket
from tests.simulation.database.server import Server
from tests.simulation.dice import Dice
from tests.simulation.environment import Environment
from tests.simulation.loop import Loop, Task
from tests.simulation.operating import Choice
from tests.simulation.projection import Trails

Log = Callable[..., None]


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
        self.log = log
        self._concurrency: int = scenario.concurrency
        self._timeout: int = scenario.timeout_ms
        self._idle: list[Environment] = []
        self._busy: dict[Environment, Callable[[Outcome], None]] = {}
        self._made = 0
        self._version = "v1"
        self._projection: type[Trails] = Trails

    def deploy(self, version: str, projection: type[Trails]) -> None:
        """New environments run this version; the old ones end what they are doing."""
        self.log("deploy", version)
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
            self.log("throttled")
            self.loop.after(1, partial(answer, Throttled()))
            return
        environment = self._take()
        began = self.loop.now
        deadline = began + self._timeout
        self.invocations += 1
        self._busy[environment] = answer
        self.log("invoke", environment.name, shard_id, len(event["Records"]))
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
        self.log("redrive", which.name)
        self._beside(lambda environment, deadline: environment.redrive(which, deadline), _redriven)

    def feed(self, bucket: ImaginedBucket, keys: list[str] | None = None) -> None:
        """Feed in objects of the on-failure bucket: these, or whatever is left."""
        self.log("feed in", *(keys or ["what is left"]))
        self._beside(lambda environment, deadline: environment.feed(bucket, keys, deadline), _fed)

    def operate(self, choice: Choice) -> None:
        """Let an operator decide, and redrive the order."""
        self.log("the operator decides", choice)
        self._beside(lambda environment, deadline: environment.operate(choice, deadline), _redriven)

    def _beside(
        self, work: Callable[[Environment, int], Any], say: Callable[[Task], list[str]]
    ) -> None:
        """Run the redrive function, which is none of the mapping's."""
        self._made += 1
        environment = Environment(self, self._made, self._version, self._projection)
        deadline = self.loop.now + self._timeout

        def end(task: Task) -> None:
            self.log("ended", environment.name, *say(task))
            if not isinstance(task.error, (Interrupted, TransactionFailed, NoneType)):
                name = type(task.error).__name__
                self._checker.failed(f"a redrive raised {name}: {task.error}")
            self._discard(environment)

        environment.task = self.loop.spawn(lambda: work(environment, deadline), end)
        task = environment.task
        self.loop.at(deadline, lambda: None if task.done else self.kill(environment, "times out"))

    def kill(self, environment: Environment, how: str) -> None:
        """The process is gone, in the middle of whatever it does."""
        if environment.dead:
            return
        self.log(environment.name, how)
        self.strikes("")  # a death disturbs
        answer = self._busy.pop(environment, None)
        environment.bury()
        if answer is not None:
            answer(FunctionFailed(timed_out=how == "times out"))

    def died_apart(self, at: At | None) -> None:
        """A process died before its parent's eyes."""
        self.strikes("")
        if at is not None and at.position is not None:
            self._checker.witnessed(at.position)

    def runs_apart(self, at: At, event: Event) -> None:
        """A process apart runs this, and said before where it is."""
        if at.position is not None:
            self._checker.runs_alone(at.position, event.order_id, event.data["n"])

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
        self.log(environment.name, "answers", checkpoint or "done", environment.problem)
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
        environment.bury()


def _redriven(task: Task) -> list[str]:
    if task.error is not None:
        return [f"{type(task.error).__name__}: {task.error}"]
    return [f"{done.order_id}+{done.applied}{done.problem}" for done in task.result]


def _fed(task: Task) -> list[str]:
    if task.error is not None:
        return [f"{type(task.error).__name__}: {task.error}"]
    return [f"{fed.key[-4:]} {fed.interrupted or 'done'}" for fed in task.result]
