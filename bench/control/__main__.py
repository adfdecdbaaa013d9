"""`make control`: every scenario, many seeds, ours and the rivals; a table and the pictures.

SEEDS says how many (default 40), FIRST_SEED from which (0). Writes `control.json` and the pictures
into OUT (default `build/control`); `docs/benchmarks/control` holds the last ones that were kept.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
from rich.console import Console
from rich.table import Table

from bench.control import pictures, scenarios
from bench.control.rivals import RIVALS, Fixed
from bench.control.scores import Score, score
from bench.control.trial import Controlled, Rivalled, Trial, run
from bench.control.world import Decider
from controller.bounds import Bounds

T = TypeVar("T")

OURS = "controller"
FIXED = (1, 2, 4, 6, 8, 10)


def decider(who: str, shards: int) -> Decider:
    """Whoever decides, by name."""
    if who == OURS:
        return Controlled(Bounds())
    if who.startswith("fixed"):
        return Rivalled(Fixed(float(who.split()[1]) * shards))
    return Rivalled(RIVALS[who](2.0 * shards))


def everybody() -> list[str]:
    return [OURS, *RIVALS, *(f"fixed {factor}" for factor in FIXED)]


def played(job: tuple[str, str, int]) -> Score:
    """One scenario, one decider, one seed."""
    name, who, seed = job
    scenario = scenarios.by_name(name)
    first = int(who.split()[1]) if who.startswith("fixed") else 0
    return score(scenario, run(scenario, seed, partial(decider, who), first))


def trial(name: str, who: str, seed: int) -> Trial:
    """The same, with its course."""
    first = int(who.split()[1]) if who.startswith("fixed") else 0
    return run(scenarios.by_name(name), seed, partial(decider, who), first)


def main() -> None:
    count = int(os.environ.get("SEEDS") or 40)
    first = int(os.environ.get("FIRST_SEED") or 0)
    seeds = range(first, first + count)
    folder = Path(os.environ.get("OUT") or "build/control")
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False)
    results: dict[str, dict[str, list[Score]]] = {}
    with ProcessPoolExecutor() as workers:
        for scenario in scenarios.ALL:
            results[scenario.name] = {}
            for who in everybody():
                jobs = [(scenario.name, who, seed) for seed in seeds]
                results[scenario.name][who] = list(workers.map(played, jobs, chunksize=4))
            console.print(_table(scenario.name, results[scenario.name], count))
    (folder / "control.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    pictures.shares(folder / "steady.svg", results)
    pictures.overloads(folder / "overload.svg", results)
    for name in ("capacity halved, restored", "mild overload", "burst of 20 times"):
        courses = {who: trial(name, who, seeds[count // 10]) for who in (OURS, *RIVALS, "fixed 10")}
        pictures.course(folder / f"{name.split(',')[0].replace(' ', '-')}.svg", name, courses)
    console.print(f"report and pictures: {folder}")


def _table(name: str, scores: dict[str, list[Score]], seeds: int) -> Table:
    table = Table(title=f"{name}: {seeds} seeds", title_justify="left")
    for column in (
        "",
        "of the best fixed: median",
        "p10",
        "worst",
        "longest overload, periods: median",
        "p90",
        "worst",
        "settings in the last half",
        "updates",
    ):
        table.add_column(column)
    for who, runs in scores.items():
        steady = sorted(s.steady for s in runs if s.steady is not None)
        overload = sorted(s.overload for s in runs)
        settings = sorted(s.settings for s in runs)
        shares = [f"{at(steady, q):.3f}" if steady else "–" for q in (0.5, 0.1, 0.0)]
        spells = [f"{at(overload, q):.1f}" for q in (0.5, 0.9, 1.0)]
        updates = sum(s.updates for s in runs) / len(runs)
        table.add_row(who, *shares, *spells, f"{at(settings, 0.5)}", f"{updates:.0f}")
    return table


def at(values: list[T], quantile: float) -> T:
    """The value at a quantile of sorted values."""
    return values[min(len(values) - 1, int(quantile * len(values)))]


if __name__ == "__main__":
    main()
