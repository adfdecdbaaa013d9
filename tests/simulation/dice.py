"""Random numbers that are the same on every machine and every Python.

Only `random()` is drawn from: its sequence for a seed is promised to stay ("random — notes on
reproducibility", Python documentation), while `choice`, `shuffle`, `sample` and their like have
changed between versions.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """One stream of random numbers; `name` makes several independent ones out of one seed."""

    def __init__(self, seed: int, name: str) -> None:
        self.random = Random(f"{name} {seed}").random

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, and without, the limit."""
        return int(self.random() * limit)

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.random() * len(values))]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        left = list(values)
        return [left.pop(int(self.random() * len(left))) for _ in values]
