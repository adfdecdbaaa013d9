"""One run: a scenario, a seed, and who decides."""

import math
from collections.abc import Callable

import msgspec

from bench.control import scenarios
from bench.control.database import draw
from bench.control.pipeline import STEP, Done, Pipeline, Settings
from bench.control.rivals import Rival
from bench.control.scenarios import Scenario
from bench.control.watching import AGED, MINUTE, CloudWatch, Lambda
from bench.control.world import Decider, World
from controller.bounds import Bounds
from controller.observation import Minute, Observation
from controller.policy import decide
from controller.state import State, Wanted

RETENTION = 7 * 86_400.0
TURN = (20.0, 25.0)
"""Seconds into a minute: when the handler's wait is over, and its calls have been answered."""


class Sample(msgspec.Struct, kw_only=True, array_like=True):
    """One step: seconds, the factor in effect (0 for stopped), events done, the backlog's age, what
    this factor and the best one would do under a backlog (events a second, without noise), the best
    one, and whether there is a backlog.
    """

    at: float
    factor: int
    events: float
    age: float
    rate: float
    best_rate: float
    best: int
    backlogged: bool
    arriving: float


class Trial(msgspec.Struct, kw_only=True):
    samples: list[Sample]
    updates: int
    reasons: list[tuple[float, str]]


class Controlled:
    """Our policy."""

    def __init__(self, bounds: Bounds, retention: float = RETENTION) -> None:
        self.state = State()
        self.reasons: list[tuple[float, str]] = []
        self._bounds, self._retention = bounds, retention

    def forget(self) -> None:
        self.state = State()

    def turn(self, now: float, watch: CloudWatch, control: Lambda, shards: int) -> None:
        seen = Observation(
            at=now,
            minutes=watch.minutes(now),
            mapping=control.get(now),
            shards=shards,
            retention=self._retention,
        )
        decision = decide(self.state, seen, self._bounds)
        self.state = decision.state
        self.reasons += [(now, reason) for reason in decision.reasons]
        if decision.wanted is not None:
            control.update(now, decision.wanted)


class Rivalled:
    """Somebody else's limit."""

    def __init__(self, rival: Rival) -> None:
        self._rival = rival
        self.reasons: list[tuple[float, str]] = []
        self._seen = -1.0

    def forget(self) -> None:
        pass

    def turn(self, now: float, watch: CloudWatch, control: Lambda, shards: int) -> None:
        fresh = [m for m in watch.minutes(now) if m.at > self._seen]
        for minute in fresh:
            self._seen = minute.at
            self._learn(minute)
        rival = self._rival
        rival.limit = min(max(rival.limit, float(shards)), 10.0 * shards)
        factor = min(max(1, round(rival.limit / shards)), 10)
        control.update(now, Wanted(enabled=True, factor=factor, batch_size=500, window=1))

    def _learn(self, minute: Minute) -> None:
        self._rival.see(minute, minute.busy_ms / 1_000 / MINUTE)


def run(scenario: Scenario, seed: int, make: Callable[[int], Decider], first: int = 0) -> Trial:
    """`make` gets the number of shards; `first` is the factor to begin with, 0 for the usual."""
    dice = scenarios.dice(seed, "world")
    shards = dice.choice([2, 4, 8])
    database = draw(dice, shards)
    pipeline = Pipeline(database, shards, scenarios.dice(seed, "noise"))
    pipeline.settings = Settings(factor=first or scenario.first)
    able = max(pipeline.rate(f) for f in range(1, 11))
    watch = CloudWatch(scenarios.dice(seed, "metrics"))
    control = Lambda(pipeline, scenarios.dice(seed, "updates"))
    decider, phase = make(shards), dice.uniform(*TURN)
    world = World(database, pipeline, watch, control, decider)
    changes, samples = list(scenario.changes), []
    for step in range(int(scenario.minutes * MINUTE / STEP)):
        now = step * STEP
        while changes and changes[0][0] * MINUTE <= now:
            changes.pop(0)[1](world)
        control.elapse(now)
        if now > AGED and (now - phase) % MINUTE < STEP:
            decider.turn(now, watch, control, pipeline.shards)
        arriving = scenario.load(now / MINUTE, able)
        done = pipeline.step(now, arriving)
        watch.add(now, done, _cpu(pipeline, done))
        samples.append(_sample(now, pipeline, done, arriving))
    return Trial(samples=samples, updates=control.updates, reasons=decider.reasons)


def _cpu(pipeline: Pipeline, done: Done) -> float:
    """Percent: full when as many sessions are busy as the database serves best."""
    database = pipeline.database
    best = math.sqrt((1 - database.contention) / database.coherence) * database.capacity
    return min(99.0, 85 * (done.sessions + database.neighbours) / best)


def _sample(now: float, pipeline: Pipeline, done: Done, arriving: float) -> Sample:
    rates = {factor: pipeline.rate(factor) for factor in range(1, 11)}
    best = max(rates, key=rates.__getitem__)
    factor = pipeline.settings.factor if pipeline.settings.enabled else 0
    return Sample(
        at=now,
        factor=factor,
        events=done.events,
        age=done.age or 0.0,
        rate=rates.get(factor, 0.0),
        best_rate=rates[best],
        best=best,
        backlogged=pipeline.backlog > arriving * STEP,
        arriving=arriving,
    )
