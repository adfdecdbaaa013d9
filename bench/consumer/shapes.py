"""Ours in other shapes than W1: hot orders and cold ones, trouble, other batches, larger events."""

from pathlib import Path
from typing import Any

import msgspec

from bench import plots
from bench.consumer import ours
from bench.contestant import Entry
from bench.database import server
from bench.findings import Bench, Findings, Ratio
from bench.race import race, rate_of, ratio_of
from bench.workload import Workload, parameters

W1 = "W1"
TEN_THOUSAND = "batches of 10,000"

SHAPES: dict[str, tuple[Workload, int]] = {
    W1: (Workload(), 1_000),
    "hot: one order": (Workload(orders=1), 1_000),
    "cold: each another": (Workload(orders=0), 1_000),
    "1 % re-sent, 0.2 % refused": (Workload(resent=0.01, refused=0.002), 1_000),
    "events of 1,000 bytes": (Workload(size=1_000), 1_000),
    "all orders alike": (Workload(exponent=0.0), 1_000),
    "batches of 100": (Workload(), 100),
    TEN_THOUSAND: (Workload(), 10_000),
}


def run(bench: Bench) -> Findings:
    """All of them at once, each on tables of its own; a turn is a thousand events or one batch."""
    turns = bench.scale.of(60, 2)
    with server(bench.database_url) as postgres:

        def entries(_: int) -> list[Entry]:
            postgres.drop()
            return [
                Entry(
                    name=name,
                    start=ours.start,
                    given={
                        "database_url": postgres.fresh(),
                        "workload": workload,
                        "batch": batch,
                        "batches": max(1, 1_000 // batch),
                    },
                    turns=bench.scale.of(6, 1) if name == TEN_THOUSAND else None,
                )
                for name, (workload, batch) in SHAPES.items()
            ]

        repeats = race(
            entries,
            turns=turns,
            warm_up=bench.scale.of(5, 0),
            repeats=bench.scale.of(2, 1),
            blocks=bench.scale.of(6, 1),
            on_repeat=lambda n: bench.say(f"shapes, repeat {n + 1}"),
        )
    hot, cold, trouble = list(SHAPES)[1:4]
    return Findings(
        ratios={
            "consumer_hot_to_w1": Ratio(
                value=ratio_of(repeats, hot, W1), what="W1's rate, one order", at_least=0.5
            ),
            "consumer_cold_to_w1": Ratio(
                value=ratio_of(repeats, cold, W1), what="W1's rate, cold orders", at_least=0.5
            ),
            "consumer_in_trouble_to_w1": Ratio(
                value=ratio_of(repeats, trouble, W1), what=f"W1's rate, {trouble}"
            ),
        },
        numbers={
            name: {
                "workload": parameters(workload),
                "batch": batch,
                "events_per_second": msgspec.to_builtins(rate_of(repeats, name)),
            }
            for name, (workload, batch) in SHAPES.items()
        },
    )


def draw(numbers: dict[str, Any], folder: Path) -> None:
    """Events per second in each shape."""
    with plots.figure(folder / "shapes.svg") as axes:
        rates = {name: each["events_per_second"] for name, each in numbers.items()}
        plots.bars(axes, rates, dict.fromkeys(rates, plots.OURS))
        axes.set_xlabel("events per second")
