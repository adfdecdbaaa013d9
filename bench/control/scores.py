"""What a run is judged by."""

from collections.abc import Iterable, Sequence

import msgspec

from bench.control.pipeline import STEP
from bench.control.scenarios import Scenario
from bench.control.trial import Sample, Trial
from bench.control.watching import MINUTE

HEALTHY = 0.95
"""The share of the best setting's throughput that counts as having found it."""

DROWNING = 0.85
"""Overload: more concurrency than the best, and less than this share of the best's throughput."""


class Score(msgspec.Struct, kw_only=True):
    """`steady`: events done in the steady windows over what the best fixed setting of each window
    does in them, None where there are none. `overload`: the longest overload in periods. `back`:
    per change, periods until the setting is healthy and stays so for three; `settings`: how many
    different settings were in effect in the last half. `updates` of the mapping. `worst_age` in s.
    """

    steady: float | None
    overload: float
    back: list[float]
    settings: int
    updates: int
    worst_age: float


def score(scenario: Scenario, trial: Trial) -> Score:
    samples = trial.samples
    half = samples[len(samples) // 2 :]
    return Score(
        steady=_steady(scenario, samples),
        overload=_longest(_drowns(sample) for sample in samples) * STEP / MINUTE,
        back=[_back(samples, at * MINUTE) for at, _ in scenario.changes],
        settings=len({sample.factor for sample in half}),
        updates=trial.updates,
        worst_age=max(sample.age for sample in samples),
    )


def _steady(scenario: Scenario, samples: Sequence[Sample]) -> float | None:
    """By the noiseless rates of the settings in effect, so that luck with noise is no merit."""
    ours = best = 0.0
    for begin, end in scenario.steady:
        for sample in samples:
            if begin * MINUTE <= sample.at < end * MINUTE:
                ours += sample.rate
                best += sample.best_rate
    return ours / best if best else None


def _drowns(sample: Sample) -> bool:
    return (
        sample.backlogged
        and sample.factor > sample.best
        and sample.rate < DROWNING * sample.best_rate
    )


def _longest(flags: Iterable[bool]) -> int:
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest


def _back(samples: Sequence[Sample], at: float) -> float:
    """Periods from a change until nothing drowns any more and does not for three periods."""
    need = int(3 * MINUTE / STEP)
    after = [sample for sample in samples if sample.at >= at]
    calm = 0
    for place, sample in enumerate(after):
        calm = 0 if _drowns(sample) else calm + 1
        if calm >= need:
            return (place - need + 1) * STEP / MINUTE
    return float("inf")
