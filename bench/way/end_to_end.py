"""What batch size, window and factor do to throughput and latency, end to end.

Stream, event source mapping, the consumer in the Lambda runtime client under the emulator, and
PostgreSQL, all on this machine, the producer in a process of its own. For every setting first as
fast as it goes, which is the highest rate that is sustained; then at half of it and at nine tenths,
where latency is the time from `send` to the row (its own time stamp, which is some milliseconds
older than the commit).
"""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import psycopg

from bench import plots
from bench.contestant import Entry, Started
from bench.database import Server, server
from bench.findings import Bench, Findings, Ratio
from bench.producer import ways
from bench.race import spread
from bench.way.sending import timed, times_of
from bench.workload import Workload, parameters
from consumer.sql import read_statements
from local.environments.environment import Environment
from local.environments.function import Function
from local.environments.pool import EnvironmentPool
from local.environments.process import ChildProcess
from local.environments.rie import RuntimeInterfaceEmulator, is_installed
from local.kinesis.endpoint import Endpoint
from local.kinesis.ministack import ministack
from local.mapping.lambda_event import StreamIdentity
from local.mapping.on_failure import Folder, MappingIdentity
from local.mapping.runner import MappingRunner
from local.mapping.settings import MappingSettings
from local.mapping.stream import KinesisStream

SHARDS = 4
SHARES = (0.5, 0.9)
LIKE_THE_TEMPLATE = "500, 1 s, 2"
SETTINGS = {
    "100, 0 s, 4": (100, 0, 4),
    "100, 0 s, 2": (100, 0, 2),
    "500, 0 s, 2": (500, 0, 2),
    LIKE_THE_TEMPLATE: (500, 1, 2),
    "500, 1 s, 1": (500, 1, 1),
    "500, 1 s, 4": (500, 1, 4),
    "2000, 5 s, 1": (2_000, 5, 1),
}
"""Batch size, window in seconds, parallelization factor."""

_SQL = read_statements(Path(__file__).with_name("way.sql"))
_DRAIN_SECONDS = 300.0
_WORKLOAD = Workload()


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """At a share of the highest rate: events a second, and milliseconds from `send` to the row."""

    share: float
    rate: float
    p50: float
    p99: float


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """What one setting reaches; `events_per_batch` is at the highest rate."""

    highest: float
    events_per_batch: float
    loads: list[Load]


def run(bench: Bench) -> Findings:
    """Every setting on tables and a stream of its own."""
    chosen = list(SETTINGS)[: bench.scale.of(len(SETTINGS), 0)] or [LIKE_THE_TEMPLATE]
    reached: dict[str, Reached] = {}
    environment = "the Lambda runtime client under the emulator" if is_installed() else "processes"
    with server(bench.database_url) as postgres, ministack() as kinesis:
        for name in chosen:
            with _way(kinesis, postgres, name) as way:
                reached[name] = _measure(bench, way)
            last = reached[name].loads[-1]
            bench.say(
                f"{name}: {reached[name].highest:,.0f} events/s; at {last.rate:,.0f}"
                f" p50 {last.p50:,.0f} ms, p99 {last.p99:,.0f} ms"
            )
    half, most = reached[LIKE_THE_TEMPLATE].loads
    return Findings(
        ratios={
            "end_to_end_latency_growth": Ratio(
                value=spread([most.p50 / half.p50]),
                what="the median latency at half load, at nine tenths of the highest rate",
            )
        },
        numbers={
            "workload": parameters(_WORKLOAD),
            "shards": SHARDS,
            "environments": environment,
            "reached": msgspec.to_builtins(reached),
        },
    )


class _Way:
    """A running setting: somebody to send, and what has become of it."""

    def __init__(self, runner: MappingRunner, url: str, course: ways.Course, folder: Path) -> None:
        self.runner = runner
        self._url = url
        self._course = course
        self._file = folder / "sent"
        self._seed = 0

    def send(self, events: int, rate: int = 0) -> tuple[dict[str, float], dict[str, float]]:
        """Send so many, at this rate, and wait for all: when each was sent, when its row was
        written.
        """
        self._seed += 1
        workload = msgspec.structs.replace(_WORKLOAD, seed=self._seed, orders=20_000)
        course = msgspec.structs.replace(self._course, events=events, rate=rate, workload=workload)
        given = {"course": course, "file": self._file}
        with Started(Entry(name="sender", start=timed, given=given)) as sender:
            sender.turn(0)
        self.runner.wait_drained(_DRAIN_SECONDS)
        sent = times_of(self._file)
        with psycopg.connect(self._url) as connection:
            rows = connection.execute(_SQL["applied"]).fetchall()
        return sent, {id_: at for id_, at in rows if id_ in sent}


@contextmanager
def _way(kinesis: Endpoint, postgres: Server, name: str) -> Iterator[_Way]:
    batch, window, factor = SETTINGS[name]
    settings = MappingSettings(
        batch_size=batch,
        window_seconds=window,
        parallelization_factor=factor,
        bisect_on_error=True,
        report_batch_item_failures=True,
    )
    stream = f"way-{uuid.uuid4().hex[:12]}"
    identity = StreamIdentity(kinesis.create_stream(stream, SHARDS))
    url = postgres.fresh()
    function = Function(
        name="consumer",
        handler="consumer.handler.handler",
        timeout_seconds=60,
        memory_mb=1_024,
        environment={"DATABASE_URL": url},
        code=Path.cwd(),
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="inorder-bench-")))

        def start() -> Environment:
            if is_installed():
                return RuntimeInterfaceEmulator(function, log=folder / "log")
            return ChildProcess(function, log=folder / "log")

        pool = EnvironmentPool(start, concurrency=SHARDS * factor)
        stack.callback(pool.stop)
        destination = MappingIdentity(mapping_id=stream, function_arn=function.arn, stream=identity)
        runner = stack.enter_context(
            MappingRunner(
                KinesisStream(kinesis.client(), identity),
                pool,
                Folder(folder / "on-failure", destination),
                settings,
            )
        )
        course = ways.Course(
            url=kinesis.url or "", stream=stream, workload=_WORKLOAD, events=0, limited=False
        )
        yield _Way(runner, url, course, folder)


def _measure(bench: Bench, way: _Way) -> Reached:
    way.send(bench.scale.of(4_000, 100))  # environments start, tables grow their first pages
    before = way.runner.stats.invocations
    sent, applied = way.send(bench.scale.of(24_000, 300))
    batches = way.runner.stats.invocations - before
    highest = _sustained(list(sent.values()), list(applied.values()))
    loads = []
    for share in SHARES:
        rate = max(1, int(share * highest))
        events = bench.scale.of(10 * rate, 300)
        loads.append(_load(share, *way.send(events, rate)))
    return Reached(highest=highest, events_per_batch=len(applied) / batches, loads=loads)


def _sustained(sent: list[float], applied: list[float]) -> float:
    """Events a second from the first tenth sent to nine tenths in their rows: what gathers while
    environments start, and is applied all at once, counts from when it was sent.
    """
    tenth = len(sent) // 10
    return (len(sent) - 2 * tenth) / max(applied[-1 - tenth] - sent[tenth], 1e-3)


def _load(share: float, sent: dict[str, float], applied: dict[str, float]) -> Load:
    """Without the first fifth, which finds everything idle."""
    measured = list(sent)[len(sent) // 5 :]
    took = [1_000 * (applied[id_] - sent[id_]) for id_ in measured if id_ in applied]
    percent = quantiles(took, n=100, method="inclusive")
    times = list(sent.values())
    rate = (len(times) - 1) / max(times[-1] - times[0], 1e-3)
    return Load(share=share, rate=rate, p50=percent[49], p99=percent[98])


def draw(numbers: dict[str, Any], folder: Path) -> None:
    """Latency over rate: a line per setting, from half load to nine tenths."""
    with plots.figure(folder / "end-to-end.svg", columns=2, size=(9, 3.6)) as columns:
        for axes, field, title in zip(
            columns, ("p50", "p99"), ("median", "99th percentile"), strict=True
        ):
            for name, reached in numbers["reached"].items():
                loads = reached["loads"]
                colour = plots.OURS if name == LIKE_THE_TEMPLATE else None
                axes.plot(
                    [load["rate"] for load in loads],
                    [load[field] for load in loads],
                    marker="o",
                    color=colour,
                    label=name,
                )
            axes.set_yscale("log")
            axes.set_xlabel("events per second")
            axes.set_title(f"send to row, {title}, ms", fontsize=10)
        columns[0].legend(title="batch size, window, factor", fontsize=7, title_fontsize=7)
