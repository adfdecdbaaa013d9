"""What a benchmark hands back: ratios, which are the headline, and the numbers behind them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench.race import Spread


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """One headline: `value` is `what`, and should be `at_least` or `at_most` this much."""

    value: Spread
    what: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.at_least is not None:
            return self.value.median >= self.at_least
        return None if self.at_most is None else self.value.median <= self.at_most


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """`ratios` by the name they have in the report; `numbers` is JSON, all that the plots need."""

    ratios: dict[str, Ratio]
    numbers: dict[str, Any]


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured: `quick` only shows that everything runs, and measures nothing."""

    quick: bool = False

    def of(self, whole: int, quick: int) -> int:
        """The larger number, or the smaller one where only the way is tried."""
        return quick if self.quick else whole


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """What a benchmark is run with. `say` tells the person who waits, a line at a time."""

    scale: Scale
    say: Callable[[str], None]
    database_url: str | None = None


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark as `bench.suite` names it. `draw(numbers, folder)` writes its plots, `.svg`."""

    about: str
    run: Callable[[Bench], Findings]
    draw: Callable[[dict[str, Any], Path], None]
