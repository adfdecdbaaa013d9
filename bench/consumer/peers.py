"""Ours against the documented way, `executemany`, and the bound; on loopback and a round trip away.

A transaction per event is so slow that it gets a few of the turns, spread over the whole race: its
time per event does not change with how many there are (`growth` has the curve).
"""

from pathlib import Path
from typing import Any

import msgspec

from bench import plots
from bench.consumer import copying, documented, executemany, ours
from bench.contestant import Entry
from bench.database import Server, server
from bench.delay import calibrated
from bench.findings import Bench, Findings, Ratio
from bench.race import Repeats, cpu_of, race, rate_of, ratio_of
from bench.workload import Workload, parameters

W1 = Workload()
BATCH = 1_000
EVENTS = 200_000
MILLISECONDS = 1.0

OURS = "inorder"
PIPELINED = "inorder, PIPELINE=1"
DOCUMENTED = "a transaction per event"
EXECUTEMANY = "executemany"
COPY = "binary COPY"

_PIPELINE: dict[str, Any] = {"variables": {"PIPELINE": "1"}}


def run(bench: Bench) -> Findings:
    """Race all of them, and then all but the bound with a round trip of 1 ms."""
    with server(bench.database_url) as postgres:
        version = postgres.version
        near = _near(bench, postgres)
        with calibrated(postgres.url, MILLISECONDS) as (away_url, calibration):
            bench.say(f"a round trip of {calibration.added:.3f} ms, by the proxy")
            far = _far(bench, postgres, Server(away_url).port)
    names = (OURS, PIPELINED, DOCUMENTED, EXECUTEMANY)
    return Findings(
        ratios={
            "consumer_to_documented": Ratio(
                value=ratio_of(near, OURS, DOCUMENTED),
                what="the documented way's rate",
                at_least=20,
            ),
            "consumer_to_documented_at_1ms": Ratio(
                value=ratio_of(far, OURS, DOCUMENTED),
                what="the documented way's rate, 1 ms round trip",
                at_least=150,
            ),
            "consumer_to_executemany": Ratio(
                value=ratio_of(near, OURS, EXECUTEMANY), what="executemany's rate"
            ),
            "consumer_to_executemany_at_1ms": Ratio(
                value=ratio_of(far, OURS, EXECUTEMANY), what="executemany's rate, 1 ms round trip"
            ),
            "consumer_to_copy": Ratio(
                value=ratio_of(near, OURS, COPY), what="the bound's rate", at_least=0.6
            ),
            "consumer_pipelined_to_documented_at_1ms": Ratio(
                value=ratio_of(far, PIPELINED, DOCUMENTED),
                what="the same, PIPELINE=1, 1 ms round trip",
                at_least=150,
            ),
            "consumer_pipelined_to_copy": Ratio(
                value=ratio_of(near, PIPELINED, COPY), what="the bound's rate, PIPELINE=1"
            ),
        },
        numbers={
            "postgresql": version,
            "workload": parameters(W1),
            "batch": BATCH,
            "near": _numbers(near, (*names, COPY)),
            "far": _numbers(far, names),
            "calibration": {**msgspec.to_builtins(calibration), "added": calibration.added},
        },
    )


def _near(bench: Bench, postgres: Server) -> Repeats:
    turns = bench.scale.of(EVENTS // BATCH, 4)

    def entries(_: int) -> list[Entry]:
        postgres.drop()
        return [
            _entry(OURS, ours.start, postgres.fresh()),
            _entry(PIPELINED, ours.start, postgres.fresh(), **_PIPELINE),
            _entry(DOCUMENTED, documented.start, postgres.fresh(), bench.scale.of(10, 1)),
            _entry(EXECUTEMANY, executemany.start, postgres.fresh(), bench.scale.of(20, 1)),
            _entry(COPY, copying.start, postgres.fresh()),
        ]

    return race(
        entries,
        turns=turns,
        warm_up=bench.scale.of(10, 1),
        repeats=bench.scale.of(2, 1),
        blocks=bench.scale.of(10, 1),
        on_repeat=lambda n: bench.say(f"on loopback, repeat {n + 1}"),
    )


def _far(bench: Bench, postgres: Server, port: int) -> Repeats:
    def away() -> str:
        return postgres.fresh().replace(f":{postgres.port}/", f":{port}/")

    def entries(_: int) -> list[Entry]:
        postgres.drop()
        return [
            _entry(OURS, ours.start, away()),
            _entry(PIPELINED, ours.start, away(), **_PIPELINE),
            _entry(DOCUMENTED, documented.start, away(), bench.scale.of(2, 1)),
            _entry(EXECUTEMANY, executemany.start, away(), bench.scale.of(10, 1)),
        ]

    return race(
        entries,
        turns=bench.scale.of(30, 2),
        warm_up=bench.scale.of(5, 0),
        repeats=bench.scale.of(2, 1),
        blocks=bench.scale.of(2, 1),
        on_repeat=lambda n: bench.say(f"a millisecond away, repeat {n + 1}"),
    )


def _entry(name: str, start: Any, url: str, turns: int | None = None, **more: Any) -> Entry:
    given = {"database_url": url, "workload": W1, "batch": BATCH, **more}
    return Entry(name=name, start=start, given=given, turns=turns)


def _numbers(repeats: Repeats, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: {
            "events_per_second": msgspec.to_builtins(rate_of(repeats, name)),
            "cpu_microseconds_per_event": msgspec.to_builtins(cpu_of(repeats, name)),
        }
        for name in names
    }


def draw(numbers: dict[str, Any], folder: Path) -> None:
    """Events per second of each, near and far."""
    colours = {OURS: plots.OURS, PIPELINED: plots.OURS, COPY: plots.BOUND}
    with plots.figure(folder / "consumer.svg", columns=2, size=(9, 2.6)) as (near, far):
        for axes, key, title in (
            (near, "near", "on loopback"),
            (far, "far", f"{numbers['calibration']['added']:.2f} ms round trip"),
        ):
            rates = {name: each["events_per_second"] for name, each in numbers[key].items()}
            plots.bars(axes, rates, colours)
            axes.set_title(title, fontsize=10)
            axes.set_xlabel("events per second")
