"""What `bucket` mode saves: shards and PUT payload units at the same rate, both modes counted.

Events are sent evenly at a rate, to shards without limits, so that what is counted is what the
mode asks for. Shards needed are the larger of records and bytes by what one shard takes, if the
load were spread evenly over them. A bucket's record has one event and what comes within
`record_linger` of it, so rate times linger decides.
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
from contract import BucketKeys, OrderKeys
from local.kinesis.endpoint import Endpoint
from local.kinesis.ministack import ministack

SHARDS = 16
RATES = (1_000, 2_000, 4_000)
SECONDS = 10
COLD, ZIPF = "cold orders", "Zipf 1.1"
WORKLOADS = {COLD: Workload(exponent=0.0, orders=200_000), ZIPF: Workload()}
ORDER, BUCKET, LONGER = "order mode", "bucket mode, 1 s", "bucket mode, 3 s"
MODES: dict[str, dict[str, Any]] = {
    ORDER: {"mode": OrderKeys.mode},
    BUCKET: {"mode": BucketKeys.mode},
    LONGER: {"mode": BucketKeys.mode, "record_linger": 3.0},
}
"""One second is the default."""

Needs = dict[str, dict[str, list["Need"]]]
"""By workload and mode, one for each rate."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What a thousand events, or a thousand a second, ask for; `rate` is of the whole turn, the
    wait of its last records included.
    """

    rate: float
    shards: float
    units: float
    events_per_record: float


def run(bench: Bench) -> Findings:
    """Every rate in every mode, with hot orders and without."""
    rates = RATES[-bench.scale.of(len(RATES), 1) :]
    needs: Needs = {}
    with ministack() as embedded:
        setup = Setup(target=embedded.url or "", shards=SHARDS, limited=False, stored=False)
        with endpoint(setup) as url:
            for workload in WORKLOADS:
                needs[workload] = {
                    mode: [_need(bench, embedded, url, workload, mode, rate) for rate in rates]
                    for mode in MODES
                }
                bench.say(f"{workload} at {RATES[-1]:,} events/s: {_said(needs[workload])}")
    return Findings(
        ratios={
            "producer_bucket_shards": _ratio(needs, COLD, LONGER, "shards", target=True),
            "producer_bucket_units": _ratio(needs, COLD, LONGER, "units", target=True),
            "producer_bucket_shards_zipf": _ratio(needs, ZIPF, LONGER, "shards", target=True),
            "producer_bucket_units_zipf": _ratio(needs, ZIPF, LONGER, "units", target=True),
            "producer_bucket_shards_1s": _ratio(needs, COLD, BUCKET, "shards", target=False),
            "producer_bucket_units_1s": _ratio(needs, COLD, BUCKET, "units", target=False),
        },
        numbers={
            "workloads": {name: parameters(workload) for name, workload in WORKLOADS.items()},
            "needs": msgspec.to_builtins(needs),
        },
    )


def _need(bench: Bench, embedded: Endpoint, url: str, workload: str, mode: str, rate: int) -> Need:
    stream = f"{workload}-{mode}-{rate}".translate(str.maketrans(" ,.", "---"))
    embedded.create_stream(stream, SHARDS)
    course = ways.Course(
        url=url,
        stream=stream,
        workload=WORKLOADS[workload],
        events=bench.scale.of(rate * SECONDS, 2_000),
        rate=rate,
    )
    given: dict[str, Any] = {"course": course, **MODES[mode]}
    with Started(Entry(name=mode, start=ways.ours, given=given)) as started:
        lap = started.turn(0)
    taken = count(url, stream)
    return Need(
        rate=min(rate, lap.events / lap.seconds),
        shards=1_000
        / lap.events
        * max(taken.records / RECORDS_PER_SECOND, taken.bytes / BYTES_PER_SECOND),
        units=1_000 * taken.units / lap.events,
        events_per_record=lap.events / taken.records,
    )


def _ratio(needs: Needs, workload: str, mode: str, field: str, *, target: bool) -> Ratio:
    ours, order = (getattr(needs[workload][each][-1], field) for each in (mode, ORDER))
    what = "shards" if field == "shards" else "PUT units"
    return Ratio(
        value=spread([ours / order]),
        what=f"order mode's {what}, {workload}, {RATES[-1]:,}/s, by {mode}",
        at_most=1 / 3 if target else None,
    )


def _said(modes: dict[str, list[Need]]) -> str:
    return "; ".join(
        f"{mode} {each[-1].shards:.2f} shards a thousand, {each[-1].events_per_record:.1f} a record"
        for mode, each in modes.items()
    )


def draw(numbers: dict[str, Any], folder: Path) -> None:
    """Shards and PUT units of a thousand events, by rate and mode."""
    colours = {ORDER: plots.PEER, BUCKET: plots.BOUND, LONGER: plots.OURS}
    titles = {"shards": "shards for 1,000 events/s", "units": "PUT units for 1,000 events"}
    with plots.figure(folder / "buckets.svg", columns=2, size=(9, 3.2)) as columns:
        for axes, (field, title) in zip(columns, titles.items(), strict=True):
            for name, style in zip(numbers["needs"], ("-", "--"), strict=True):
                for mode, needs in numbers["needs"][name].items():
                    axes.plot(
                        RATES[-len(needs) :],
                        [need[field] for need in needs],
                        style,
                        marker="o",
                        color=colours[mode],
                        label=f"{mode}, {name}",
                    )
            axes.set_xlabel("events per second at one producer")
            axes.set_title(title, fontsize=10)
            axes.set_ylim(bottom=0)
        columns[0].legend(fontsize=6)
