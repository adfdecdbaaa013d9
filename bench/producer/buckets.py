"""What `bucket` mode saves: shards and PUT payload units at the same rate, both modes counted.

Events are sent evenly at a rate, to shards without limits, so that what is counted is what the mode
asks for. Shards needed are the larger of records and bytes a second by what one shard takes, if
the load were spread evenly over them.
"""

from pathlib import Path
from typing import Any

import msgspec

from bench import plots
from bench.contestant import Entry, Started
from bench.findings import Bench, Findings, Ratio
from bench.producer import ways
from bench.producer.endpoint import Setup, count, endpoint
from bench.producer.limits import BYTES_PER_SECOND, RECORDS_PER_SECOND
from bench.race import spread
from bench.workload import Workload, parameters
from contract.keys import STRATEGIES
from local.kinesis.ministack import ministack

SHARDS = 16
RATES = (1_000, 2_000, 4_000, 8_000, 12_000)
SECONDS = 5
WORKLOADS = {
    "every event another order": Workload(exponent=0.0, orders=200_000),
    "Zipf 1.1": Workload(),
}


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What so many events a second ask for in one mode; PUT units per thousand events."""

    events_per_second: float
    shards: float
    units: float
    events_per_record: float


def run(bench: Bench) -> Findings:
    """Every rate in both modes, with hot orders and without."""
    needs: dict[str, dict[str, list[Need]]] = {}
    rates = bench.scale.of(len(RATES), 1)
    with ministack() as embedded:
        setup = Setup(target=embedded.url or "", shards=SHARDS, limited=False, stored=False)
        with endpoint(setup) as url:
            for name, workload in WORKLOADS.items():
                for mode in STRATEGIES:
                    stream = f"{mode}-{workload.orders}"
                    embedded.create_stream(stream, SHARDS)
                    needs.setdefault(name, {})[mode] = [
                        _need(bench, url, stream, mode, workload, rate) for rate in RATES[-rates:]
                    ]
                bench.say(f"{name}: at {RATES[-1]:,} events/s {_said(needs[name])}")
    return Findings(
        ratios={
            key: Ratio(
                value=spread([_quotient(needs[name], field)]),
                what=f"order mode's {what}, {name}, {RATES[-1]:,}/s",
                at_most=at_most,
            )
            for key, name, field, what, at_most in (
                ("producer_bucket_shards", "every event another order", "shards", "shards", 1 / 3),
                ("producer_bucket_units", "every event another order", "units", "PUT units", 1 / 3),
                ("producer_bucket_shards_zipf", "Zipf 1.1", "shards", "shards", 1 / 3),
                ("producer_bucket_units_zipf", "Zipf 1.1", "units", "PUT units", 1 / 3),
            )
        },
        numbers={
            "workloads": {name: parameters(workload) for name, workload in WORKLOADS.items()},
            "needs": msgspec.to_builtins(needs),
        },
    )


def _need(bench: Bench, url: str, stream: str, mode: str, workload: Workload, rate: int) -> Need:
    course = ways.Course(
        url=url,
        stream=stream,
        workload=workload,
        events=bench.scale.of(rate * SECONDS, 2_000),
        rate=rate,
    )
    with Started(
        Entry(name=mode, start=ways.ours, given={"course": course, "mode": mode})
    ) as started:
        if not bench.scale.quick:
            started.turn(0)  # orders are new and connections cold but once
        lap = started.turn(1)
    taken = count(url, stream)
    reached = min(rate, lap.events / lap.seconds)
    return Need(
        events_per_second=reached,
        shards=reached
        / lap.events
        * max(taken.records / RECORDS_PER_SECOND, taken.bytes / BYTES_PER_SECOND),
        units=1_000 * taken.units / lap.events,
        events_per_record=lap.events / taken.records,
    )


def _quotient(modes: dict[str, list[Need]], field: str) -> float:
    bucket, order = (getattr(modes[mode][-1], field) for mode in ("bucket", "order"))
    return float(bucket / order)


def _said(modes: dict[str, list[Need]]) -> str:
    return ", ".join(
        f"{mode} mode {each[-1].shards:.1f} shards and {each[-1].units:.0f} units per 1,000 events"
        for mode, each in modes.items()
    )


def draw(numbers: dict[str, Any], folder: Path) -> None:
    """Shards needed and PUT units by rate: order mode beside bucket mode."""
    colours = {"order": plots.PEER, "bucket": plots.OURS}
    with plots.figure(folder / "buckets.svg", columns=2, size=(9, 3.2)) as columns:
        for axes, field, label in zip(
            columns,
            ("shards", "units"),
            ("shards needed", "PUT units per 1,000 events"),
            strict=True,
        ):
            for name, style in zip(numbers["needs"], ("-", "--"), strict=True):
                for mode, needs in numbers["needs"][name].items():
                    rates = [need["events_per_second"] for need in needs]
                    values = [need[field] for need in needs]
                    line = f"{mode} mode, {name}"
                    axes.plot(rates, values, style, marker="o", color=colours[mode], label=line)
            axes.set_xlabel("events per second at one producer")
            axes.set_title(label, fontsize=10)
            axes.set_ylim(bottom=0)
        columns[0].legend(fontsize=7)
