"""What the controller sees and moves on one machine: the consumers' log, the local mapping.

The same policy and the same loop as in the Lambda function; a period is shorter. Signals are what
the consumers print (EMF lines), added up by the period in which they were printed, and the mapping
runner's own lag.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec

from contract.metrics import Metric
from controller.bounds import Bounds
from controller.control import Around, Turn, turn
from controller.hand import Hand
from controller.observation import Mapping, MappingState, Minute
from controller.state import State
from local.mapping.runner import MappingRunner
from local.mapping.settings import MappingSettings

replace = msgspec.structs.replace

_SEEN = 10
_LOOK_SECONDS = 0.2

_FIELDS = {
    Metric.EVENTS_FINISHED: "events",
    Metric.DATABASE_MILLISECONDS: "busy_ms",
    Metric.BATCH_MILLISECONDS: "worked_ms",
    Metric.TRANSIENT_FAILURES: "failures",
    Metric.BATCHES_REFUSED: "refused",
}


class LocalWorld:
    """One mapping and its consumers' log; state and hand are kept in memory."""

    def __init__(
        self,
        runner: MappingRunner,
        settings: MappingSettings,
        log: Path,
        shards: int,
        period: float,
    ) -> None:
        self.hand = Hand()
        self.settings = settings
        self.state = State()
        self._runner, self._log, self._shards, self._period = runner, log, shards, period
        self._read = 0
        self._reading = threading.Lock()
        self._sums: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._ages: dict[int, float] = {}

    def look(self) -> None:
        """Note how far the mapping is behind, for the period that is running."""
        lag, now = float(self._runner.stats.lag_ms), self._number(time.time())
        self._ages[now] = max(lag, self._ages.get(now, 0.0))

    def finished(self) -> int:
        """Events finished so far, by what the consumers have printed."""
        with self._reading:
            self._read_log()
            return int(sum(sums["events"] for sums in self._sums.values()))

    # ------------------------------------------------------------------ what `turn` asks for

    def remembered(self) -> State:
        return self.state

    def remember(self, state: State) -> None:
        self.state = state

    def observe(self) -> Around:
        with self._reading:
            self._read_log()
        now = self._number(time.time())
        return Around(
            minutes=tuple(self._minute(n) for n in range(now - _SEEN, now)),
            mapping=self._mapping(),
            shards=self._shards,
            retention=604_800.0,
            hand=self.hand,
        )

    def actuate(self, change: dict[str, Any]) -> None:
        names = {
            "Enabled": "enabled",
            "ParallelizationFactor": "parallelization_factor",
            "BatchSize": "batch_size",
            "MaximumBatchingWindowInSeconds": "window_seconds",
        }
        given = {names[name]: value for name, value in change.items()}
        self.settings = replace(self.settings, **given)
        self._runner.update(self.settings)

    # ------------------------------------------------------------------ how it is known

    def _mapping(self) -> Mapping:
        real = self.settings
        return Mapping(
            state=MappingState.ENABLED if real.enabled else MappingState.DISABLED,
            factor=real.parallelization_factor,
            batch_size=real.batch_size,
            window=real.window_seconds,
        )

    def _minute(self, number: int) -> Minute:
        sums = self._sums.get(number, {})
        age = self._ages.get(number) if self.settings.enabled else None
        return Minute(
            at=number * self._period,
            iterator_age_ms=age,
            events=sums.get("events", 0.0),
            batches=sums.get("batches", 0.0),
            worked_ms=sums.get("worked_ms", 0.0),
            busy_ms=sums.get("busy_ms", 0.0),
            failures=sums.get("failures", 0.0),
            refused=sums.get("refused", 0.0),
        )

    def _number(self, at: float) -> int:
        return int(at // self._period)

    def _read_log(self) -> None:
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        whole = new.rfind(b"\n") + 1
        self._read += whole
        for line in new[:whole].splitlines():
            if b'"_aws"' in line:
                self._add(line)

    def _add(self, line: bytes) -> None:
        try:
            emitted = msgspec.json.decode(line)
        except msgspec.DecodeError:
            return  # two processes wrote at once, or one was killed as it wrote
        sums = self._sums[self._number(emitted["_aws"]["Timestamp"] / 1_000)]
        for metric, field in _FIELDS.items():
            values = emitted.get(metric, [])
            sums[field] += sum(values)
            if metric is Metric.DATABASE_MILLISECONDS:
                sums["batches"] += len(values)


class Controlling:
    """A thread that makes a turn shortly after the end of each period, until the block ends."""

    def __init__(
        self, world: LocalWorld, bounds: Bounds, tell: Callable[[Turn], None] = lambda _: None
    ) -> None:
        self._world, self._bounds, self._tell = world, bounds, tell
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controller", daemon=True)
        self.problem: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self.problem is not None:
            raise self.problem

    def _run(self) -> None:
        period = self._bounds.period
        due = (time.time() // period + 1) * period + 0.1 * period
        try:
            while not self._ended.wait(_LOOK_SECONDS):
                self._world.look()
                if time.time() >= due:
                    self._tell(turn(self._world, self._bounds, time.time()))
                    due += period
        except Exception as error:  # noqa: BLE001 - raised again where the block ends
            self.problem = error
