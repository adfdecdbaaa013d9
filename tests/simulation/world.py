"""Everything together: the world of one scenario, run to its end."""

import dataclasses
import hashlib
from typing import Any
from unittest.mock import patch

from consumer import straight
from consumer.order import Reason
from consumer.redrive.orders import Which
from tests.simulation.bucket import ImaginedBucket
from tests.simulation.checker.checker import Checker
from tests.simulation.database.server import Server
from tests.simulation.database.statements import catalogue
from tests.simulation.database.tables import Change
from tests.simulation.dice import Dice
from tests.simulation.environment import FAILING_ORDERS, KILLER_DEATHS
from tests.simulation.faults import DISTURBING, WINDOWS, Fault
from tests.simulation.function import Function
from tests.simulation.happenings import BAD_VERSION, Happenings
from tests.simulation.loop import Loop
from tests.simulation.mapping import Deliveries
from tests.simulation.producing import Caller
from tests.simulation.projection import Healed, statements
from tests.simulation.requesting import Requesting
from tests.simulation.scenario import SENDING_MS, Scenario
from tests.simulation.strangers import Strangers
from tests.simulation.stream.client import Client
from tests.simulation.stream.shards import ImaginedStream, Shard, Stored

CALM_MS = 130_000
"""From the last fault on: locks of lost connections are noticed, late puts have landed."""
LONGEST_MS = 4 * 3_600_000
PATIENCE_MS = 1_200_000
"""After the last fault; what is not at rest then waits for somebody to mend the code."""

_CATALOGUE = catalogue() | statements()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """How a run ended: `broken` says which promise, None for none."""

    broken: str | None
    history: tuple[str, ...]
    steps: int

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.history).encode()).hexdigest()


class World:
    """One scenario and all that takes part in it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._facts: list[tuple[Any, ...]] = []
        self._rates: dict[str, float] = {}
        self._disturbed_at = -CALM_MS
        self._lasting = 0
        self.loop = Loop()
        self.dice = Dice(scenario.seed, "run")
        self.checker = Checker(scenario, frozenset({BAD_VERSION}), FAILING_ORDERS, KILLER_DEATHS)
        self.server = Server(self.loop, _CATALOGUE, self._committed)
        self.server.locks.on_deadlock = lambda: self.checker.failed("P5: a deadlock")
        self.stream = ImaginedStream(scenario.shards, self._landed, lambda: self.dice.below(1_000))
        self.function = Function(
            loop=self.loop,
            dice=self.dice,
            server=self.server,
            strikes=self.strikes,
            disturbed=self._disturbed_since,
            checker=self.checker,
            log=self.log,
            scenario=scenario,
        )
        self.bucket = ImaginedBucket(self.checker.fed_in)
        self.deliveries = Deliveries(
            loop=self.loop,
            dice=self.dice,
            stream=self.stream,
            function=self.function,
            settings=scenario.mapping,
            undocumented=scenario.undocumented,
            bucket=self.bucket,
            strikes=self.strikes,
            checker=self.checker,
            log=self.log,
        )
        self.callers = [
            self._caller(number, buckets=buckets) for number, buckets in enumerate(scenario.buckets)
        ]
        self._strangers = Strangers(
            loop=self.loop,
            stream=self.stream,
            scenario=scenario,
            checker=self.checker,
            log=self.log,
        )
        self._happenings = Happenings(self)
        for fault in scenario.faults:
            self._plan(fault)

    def _caller(self, number: int, *, buckets: bool) -> Caller | Requesting:
        once = self.scenario.once[number : number + 1] == (True,)
        return (Requesting if once else Caller)(
            loop=self.loop,
            dice=self.dice,
            client=Client(self.loop, self.dice, self.strikes, self.stream, self.checker),
            plans=[order for order in self.scenario.orders if order.producer == number],
            buckets=buckets,
            checker=self.checker,
            log=self.log,
        )

    # ------------------------------------------------------------------------ running it

    def run(self) -> Ran:
        """Until everything is at rest, or a promise is broken."""
        self._until_rest(last_fault(self.scenario) + PATIENCE_MS)
        if not self.loop.idle and self._stopped():
            self._deploy_healed()
        self._until_rest(LONGEST_MS)
        self._schedules()
        if self.bucket.left and self._stopped():
            self._deploy_healed()
            self._schedules()
        self.checker.settled()
        self._deploy_healed()
        for which in (Which(outdated=True), Which(reason=Reason.KILLER), Which()):
            self._redrive_now(which)
        self._redrive_now(Which(drainable=True))
        self.checker.healed()
        self.log("end", self.checker.broken or "every promise kept")
        return Ran(
            broken=self.checker.broken,
            history=tuple(" ".join(map(str, fact)) for fact in self._facts),
            steps=self.loop.steps,
        )

    def _until_rest(self, at_most: int) -> None:
        try:
            while self.checker.broken is None and self.loop.now <= at_most and self.loop.step():
                pass
        except Exception as error:  # noqa: BLE001 - whatever the code under test raises is found
            self.checker.failed(f"raised: {type(error).__name__}: {error}")
        if self.checker.broken is None and at_most == LONGEST_MS and not self.loop.idle:
            self.checker.failed("P1: the world does not come to rest")

    def _schedules(self) -> None:
        """Redrive's schedule, as often as it may take."""
        for _ in range(KILLER_DEATHS + 3):
            self._feed_now()
            self._redrive_now(Which(drainable=True))

    def _redrive_now(self, which: Which) -> None:
        if self.checker.broken is None:
            self.function.redrive(which)
            self._until_rest(LONGEST_MS)

    def _feed_now(self) -> None:
        """The schedule: whatever nobody has fed in yet."""
        if self.checker.broken is None:
            self.function.feed(self.bucket)
            self._until_rest(LONGEST_MS)

    def _stopped(self) -> bool:
        """Whether the running code has stopped itself: too few events, and all of them bad."""
        rows = self.server.tables.table("deploy").values()
        return any(row["stopped_at"] is not None for row in rows)

    def _deploy_healed(self) -> None:
        """Code under which everything applies."""
        self.function.deploy("healed", Healed)

    def log(self, *fact: Any) -> None:
        self._facts.append((self.loop.now, *fact))

    # ------------------------------------------------------------------------ facts

    def _landed(self, shard: Shard, stored: Stored) -> None:
        self.log("landed", shard.shard_id[-2:], stored.sequence_number, stored.partition_key)
        self.checker.landed(shard.shard_id, stored.sequence_number, stored.data)
        self.deliveries.landed(shard, stored)

    def _committed(self, changes: list[Change]) -> None:
        for table, key, before, after in changes:
            self.log("commit", table, key, *_brief(table, before, after))
        self.checker.committed(changes)

    # ------------------------------------------------------------------------ faults

    def strikes(self, kind: str) -> bool:
        """Whether a fault of this kind meets this; what strikes disturbs."""
        if kind and kind not in self._rates:
            return False
        if kind and not self.dice.chance(self._rates[kind]):
            return False
        if not kind or kind in DISTURBING:
            self._disturbed_at = self.loop.now
        if kind:
            self.log("fault", kind)
        return True

    def _disturbed_since(self, began: int) -> bool:
        open_windows = not DISTURBING.isdisjoint(self._rates)
        ongoing = open_windows or self._lasting > 0 or self._stopped()
        return ongoing or self._disturbed_at + CALM_MS > began

    def _plan(self, fault: Fault) -> None:
        if fault.kind in WINDOWS:
            self.loop.at(fault.at, lambda: self._open(fault))
            self.loop.at(fault.until, lambda: self._close(fault))
        else:
            begin = getattr(self._happenings, fault.kind)
            self.loop.at(fault.at, lambda: self._moment(fault, begin))

    def _open(self, fault: Fault) -> None:
        self.log("begin", fault)
        self._rates[fault.kind] = fault.rate

    def _close(self, fault: Fault) -> None:
        self._rates.pop(fault.kind, None)
        self._disturb(fault)

    def _disturb(self, fault: Fault) -> None:
        if fault.kind in DISTURBING:
            self._disturbed_at = self.loop.now

    def _moment(self, fault: Fault, begin: Any) -> None:
        self.log("happens", fault)
        self._disturb(fault)
        begin(fault)

    def later(self, fault: Fault, action: Any) -> None:
        """Let the fault end when it ends, in this way."""
        disturbing = fault.kind in DISTURBING
        self._lasting += disturbing

        def end() -> None:
            self.log("ends", fault.kind)
            self._lasting -= disturbing
            self._disturb(fault)
            action()

        self.loop.at(fault.until, end)


def _brief(table: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    row = after or before or {}
    match table:
        case "ledger":
            return [row["data"]]
        case "lot":
            return [row["kind"], row["reason"], str(row["rank"]), "in" if after else "out"]
        case "head":
            return [str(row["ordinal"]), row["state"]]
        case "trail":
            return ["".join(row["trail"])]
    return ["in" if after else "out"]


@patch.multiple(straight, WORTH_DIVIDING=2, PARTS=1_000)
def run(scenario: Scenario) -> Ran:
    return World(scenario).run()


def last_fault(scenario: Scenario) -> int:
    return max([SENDING_MS, *(fault.until for fault in scenario.faults)])
