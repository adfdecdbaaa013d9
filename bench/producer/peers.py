"""Ours against what people use, 10 ms away from a stream of 16 shards with Kinesis's limits.

Three questions besides: what a single hot order reaches, how much of what the shards admit is used
where they are the limit, and who is faster where nothing is (which only a benchmark can have).
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from bench import plots
from bench.contestant import Entry, Started
from bench.findings import Bench, Findings, Ratio
from bench.producer import ways
from bench.producer.async_kinesis import async_kinesis
from bench.producer.calibration import Calibration, calibrated
from bench.producer.endpoint import Setup, count, endpoint
from bench.producer.limits import BYTES_PER_SECOND, RECORDS_PER_SECOND, Counts
from bench.race import Repeats, cpu_of, race, rate_of, ratio_of, spread
from bench.workload import Workload, parameters
from local.kinesis.endpoint import Endpoint
from local.kinesis.ministack import ministack

SHARDS = 16
FEW_SHARDS = 2
"""Where a busy or small machine cannot fill sixteen, these are the limit all the same."""
MILLISECONDS = 10.0
W1 = Workload()
COLD = Workload(exponent=0.0)
HOT = Workload(orders=1)

_LEAST_SECONDS = 1.0  # a second's worth may gather and be taken at once
_LOOK_SECONDS = 0.2

OURS = "inorder"
SEQUENTIAL = "put_record, in order"
UNORDERED = "put_records, unordered"
ASYNC = "async-kinesis, unordered"


def run(bench: Bench) -> Findings:
    """Race all of them under limits, ours and unordered without; then ours at the limits."""
    setup = Setup(target="", shards=SHARDS, latency_ms=MILLISECONDS, stored=False)
    with ministack() as embedded:
        assert embedded.url is not None  # noqa: S101 - it is our own
        stream = _Streams(embedded)
        setup = msgspec.structs.replace(setup, target=embedded.url)
        with calibrated(setup, stream.new(), attempts=bench.scale.of(6, 1)) as (url, calibration):
            bench.say(
                f"the endpoint answers after {calibration.latency_ms:.2f} ms and takes"
                f" {calibration.records_per_second:,.0f} records/s from a bare client"
            )
            limited = _limited(bench, url, stream)
            cold = _share_of_admitted(bench, url, stream, COLD, bench.scale.of(160_000, 1_000))
            hot = _share_of_admitted(bench, url, stream, HOT, bench.scale.of(40_000, 1_000))
        few = msgspec.structs.replace(setup, latency_ms=calibration.setting_ms, shards=FEW_SHARDS)
        with endpoint(few) as url:
            narrow = _Streams(embedded, FEW_SHARDS)
            cold_few = _share_of_admitted(bench, url, narrow, COLD, bench.scale.of(20_000, 1_000))
        with endpoint(_free(setup, calibration)) as url:
            free = _free_race(bench, url, stream)
    return Findings(
        ratios={
            "producer_to_sequential": Ratio(
                value=ratio_of(limited, OURS, SEQUENTIAL),
                what="the rate of put_record in order",
                at_least=20,
            ),
            "producer_to_unordered": Ratio(
                value=ratio_of(limited, OURS, UNORDERED),
                what="the rate of put_records without order",
                at_least=0.8,
            ),
            "producer_to_async_kinesis": Ratio(
                value=ratio_of(limited, OURS, ASYNC), what="the rate of async-kinesis"
            ),
            "producer_to_unordered_without_limits": Ratio(
                value=ratio_of(free, OURS, UNORDERED),
                what="the rate of put_records without order, and shards without limits",
            ),
            "producer_of_admitted": Ratio(
                value=cold.share,
                what="what 16 shards admit, every event another order's",
                at_least=0.9,
            ),
            "producer_of_admitted_by_2_shards": Ratio(
                value=cold_few.share,
                what="what 2 shards admit, every event another order's",
                at_least=0.9,
            ),
            "producer_of_admitted_hot": Ratio(
                value=hot.share, what="the bytes a shard admits, one order alone", at_least=0.9
            ),
        },
        numbers={
            "workload": parameters(W1),
            "shards": SHARDS,
            "connections": ways.CONNECTIONS,
            "calibration": msgspec.to_builtins(calibration),
            "limited": _numbers(limited, (OURS, UNORDERED, ASYNC, SEQUENTIAL)),
            "free": _numbers(free, (OURS, UNORDERED)),
            "cold": cold.numbers,
            "cold_2_shards": cold_few.numbers,
            "hot": hot.numbers,
        },
    )


def _free(setup: Setup, calibration: Calibration) -> Setup:
    return msgspec.structs.replace(setup, latency_ms=calibration.setting_ms, limited=False)


class _Streams:
    """New streams, so that nobody finds another's tokens or tag."""

    def __init__(self, embedded: Endpoint, shards: int = SHARDS) -> None:
        self._embedded = embedded
        self._shards = shards
        self._made = 0

    def new(self) -> str:
        self._made += 1
        name = f"bench-{self._shards}-{self._made}"
        self._embedded.create_stream(name, self._shards)
        return name


def _limited(bench: Bench, url: str, stream: _Streams) -> Repeats:
    def entries(_: int) -> list[Entry]:
        def entry(name: str, start: Any, events: int, turns: int | None = None) -> Entry:
            course = ways.Course(url=url, stream=stream.new(), workload=W1, events=events)
            return Entry(name=name, start=start, given={"course": course}, turns=turns)

        events = bench.scale.of(16_000, 1_000)
        return [
            entry(OURS, ways.ours, events),
            entry(UNORDERED, ways.unordered, events),
            entry(ASYNC, async_kinesis, events),
            entry(SEQUENTIAL, ways.sequential, bench.scale.of(100, 10)),
        ]

    return race(
        entries,
        turns=bench.scale.of(4, 1),
        warm_up=bench.scale.of(1, 0),
        repeats=bench.scale.of(2, 1),
        blocks=bench.scale.of(2, 1),
        on_repeat=lambda n: bench.say(f"{SHARDS} shards with limits, repeat {n + 1}"),
    )


def _free_race(bench: Bench, url: str, stream: _Streams) -> Repeats:
    def entries(_: int) -> list[Entry]:
        events = bench.scale.of(16_000, 1_000)
        return [
            Entry(
                name=name,
                start=start,
                given={
                    "course": ways.Course(url=url, stream=stream.new(), workload=W1, events=events)
                },
            )
            for name, start in ((OURS, ways.ours), (UNORDERED, ways.unordered))
        ]

    return race(
        entries,
        turns=bench.scale.of(8, 1),
        warm_up=bench.scale.of(2, 0),
        repeats=bench.scale.of(2, 1),
        blocks=bench.scale.of(4, 1),
        on_repeat=lambda n: bench.say(f"without limits, repeat {n + 1}"),
    )


class _Admitted(msgspec.Struct, frozen=True):
    share: Any
    numbers: dict[str, Any]


def _share_of_admitted(
    bench: Bench, url: str, stream: _Streams, workload: Workload, events: int
) -> _Admitted:
    """What the shards that are written to took, of what they could have taken, while there was
    more to send: from a tenth to eight tenths of a turn.
    """
    course = ways.Course(url=url, stream=stream.new(), workload=workload, events=events)
    shares, rates = [], []
    with (
        Started(Entry(name=OURS, start=ways.ours, given={"course": course})) as started,
        ThreadPoolExecutor(1) as beside,
    ):
        for turn in range(bench.scale.of(3, 1)):
            running = beside.submit(started.turn, turn)
            samples = [count(url, course.stream)]
            while not running.done():
                time.sleep(_LOOK_SECONDS)
                samples.append(count(url, course.stream))
            lap = running.result()
            shares.append(_share(samples))
            rates.append(lap.events / lap.seconds)
    rate, taken = spread(rates), samples[-1]
    what = "one order" if workload.orders == 1 else "cold orders"
    bench.say(f"{what} at the limit: {rate.median:,.0f} events/s")
    return _Admitted(
        spread(shares),
        {
            "workload": parameters(workload),
            "events_per_second": msgspec.to_builtins(rate),
            "events_per_record": events / max(taken.records, 1),
            "throttled_of_puts": taken.throttled / max(taken.records + taken.throttled, 1),
        },
    )


def _share(samples: list[Counts]) -> float:
    """By records or by bytes, whichever the shards ran out of first."""
    end = samples[-1]
    shards = sum(records > 0 for records in end.records_of)
    busy = [s for s in samples if 0.1 * end.records <= s.records <= 0.8 * end.records]
    if not busy or busy[-1].seconds - busy[0].seconds < _LEAST_SECONDS:
        busy = [samples[0], end]
    first, last = busy[0], busy[-1]
    most = shards * max(last.seconds - first.seconds, 1e-3)
    return max(
        (last.records - first.records) / (RECORDS_PER_SECOND * most),
        (last.bytes - first.bytes) / (BYTES_PER_SECOND * most),
    )


def _numbers(repeats: Repeats, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: {
            "events_per_second": msgspec.to_builtins(rate_of(repeats, name)),
            "cpu_microseconds_per_event": msgspec.to_builtins(cpu_of(repeats, name)),
        }
        for name in names
    }


def draw(numbers: dict[str, Any], folder: Path) -> None:
    """Events per second of each, with the limits of shards and without."""
    with plots.figure(folder / "producer.svg", columns=2, size=(9, 2.6)) as (limited, free):
        for axes, key, title in (
            (limited, "limited", f"{numbers['shards']} shards with limits"),
            (free, "free", "no limits"),
        ):
            rates = {name: each["events_per_second"] for name, each in numbers[key].items()}
            plots.bars(axes, rates, {OURS: plots.OURS})
            axes.set_title(f"{title}, {numbers['calibration']['latency_ms']:.0f} ms", fontsize=10)
            axes.set_xlabel("events per second")
