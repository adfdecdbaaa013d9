"""One run of the demo, from an empty stream to the audit."""

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from rich.console import Console
from rich.markup import escape

from consumer import projection
from consumer.orders import Orders
from consumer.sql import read_statements
from contract.metrics import Metric
from local.demo import events_file
from local.demo.audit import audit
from local.demo.counts import ConsumerCounts
from local.demo.database import open_database
from local.demo.journal import Journal
from local.demo.progress import Figures, ProgressDisplay
from local.demo.reading import Reader
from local.demo.report import make_report, show, write
from local.demo.sending import send_all
from local.demo.settings import DemoSettings
from local.demo.workload import Send, generate
from local.environments.function import Function
from local.environments.pool import EnvironmentPool
from local.environments.process import ChildProcess
from local.kinesis.endpoint import Endpoint
from local.kinesis.open_endpoint import open_endpoint
from local.mapping.lambda_event import StreamIdentity
from local.mapping.on_failure import Folder, MappingIdentity
from local.mapping.runner import MappingRunner, NotDrained
from local.mapping.settings import MappingSettings
from local.mapping.stream import KinesisStream
from local.mapping.template import Template
from producer import Producer, ProducerSettings

_TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_CONSUMER, _EVENT = "ConsumerFunction", "Stream"
_SQL = read_statements(Path(__file__).with_name("audit.sql"))
_DELIVERY_SECONDS = 300.0
_LOOK_EVERY_SECONDS = 1.0


class Workload(NamedTuple):
    """What is to be sent, and about how many distinct events that is."""

    sends: Iterator[Send]
    events: int
    name: str


def run(settings: DemoSettings, console: Console) -> bool:
    """Run the main job; True if every promise was kept. Raises `InorderError` for bad input."""
    if settings.report is not None:
        settings.report.unlink(missing_ok=True)  # a run that fails must not leave an earlier one's
    workload = _workload(settings)
    projection.find(settings.projection)
    given = {"Projection": settings.projection, "DatabaseMode": "external"}
    template = Template.open(_TEMPLATE, parameters=given)
    mapping_settings = template.mapping(_CONSUMER, _EVENT)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inorder-demo-")))
        databases = stack.enter_context(open_database(settings, console.print))
        endpoint = stack.enter_context(open_endpoint(settings.endpoint_url))
        arn = stack.enter_context(_stream(endpoint, settings.shards))
        function = template.function(
            _CONSUMER, environment={"DATABASE_URL": databases.consumer}, code=Path.cwd()
        )
        concurrency = settings.shards * mapping_settings.parallelization_factor
        pool = stack.enter_context(_environments(function, concurrency, folder / "log"))
        mapping = stack.enter_context(
            _mapping(endpoint, arn, pool, mapping_settings, folder / "on-failure")
        )
        console.print(_introduction(settings, endpoint, mapping_settings, workload))
        counts = ConsumerCounts(folder / "log", lambda problem: _complain(console, problem))
        demo = _Demo(settings, console, mapping, pool, counts)
        seconds = demo.send_and_drain(workload, lambda: _producers(endpoint, arn, settings))
        return demo.audit(seconds, databases.auditor, mapping_settings)


class _Demo:
    """A run whose parts are up."""

    def __init__(
        self,
        settings: DemoSettings,
        console: Console,
        mapping: MappingRunner,
        pool: EnvironmentPool,
        counts: ConsumerCounts,
    ) -> None:
        self._settings = settings
        self._console = console
        self._mapping = mapping
        self._pool = pool
        self._counts = counts
        self._journal = Journal()
        self._pids: tuple[int, ...] = ()

    def send_and_drain(self, workload: Workload, producers: Callable[[], list[Producer]]) -> float:
        """Send everything and wait until it is applied or parked; the seconds that took."""
        began = time.monotonic()
        with ProgressDisplay(self._console, workload.events, self._figures):
            send_all(workload.sends, producers(), self._journal, rate=self._settings.rate)
            while True:
                try:
                    self._mapping.wait_drained(_LOOK_EVERY_SECONDS)
                except NotDrained:
                    continue
                return time.monotonic() - began

    def audit(self, seconds: float, database_url: str, mapping: MappingSettings) -> bool:
        """Hold the tables against what was sent, and say how it went."""
        self._mapping.stop()
        self._counts.update()
        shipped = self._settings.projection == DemoSettings().projection
        with Reader(database_url) as read:
            found = audit(
                read,
                self._journal,
                clock_offset=read(_clock_offset),
                projection=Orders() if shipped else None,
            )
            version = read(lambda connection: connection.execute(_SQL["server_version"]).fetchone())
        report = make_report(
            found,
            self._journal,
            duplicates=self._counts[Metric.DUPLICATES_SKIPPED],
            seconds=seconds,
            setup=self._setup(mapping, "" if version is None else version[0]),
            projection_checked=shipped,
        )
        show(report, found, self._journal, self._console)
        if self._settings.report is not None:
            write(report, self._settings.report)
        return report.ok

    def _figures(self) -> Figures:
        self._counts.update()
        stats = self._mapping.stats
        if self._pool.pids != self._pids:
            self._pids = self._pool.pids
            processes = ", ".join(map(str, self._pids))
            self._console.print(f"consumer environments: processes {processes}")
        return Figures(
            sent=self._journal.acknowledged,
            applied=self._counts[Metric.EVENTS_APPLIED],
            parked=self._counts.parked,
            duplicates=self._counts[Metric.DUPLICATES_SKIPPED],
            behind=stats.behind_records,
            lag_ms=stats.lag_ms,
        )

    def _setup(self, mapping: MappingSettings, server_version: str) -> dict[str, Any]:
        stats = self._mapping.stats
        return {
            "shards": self._settings.shards,
            "producers": self._settings.producers,
            "rate": self._settings.rate,
            "batch_size": mapping.batch_size,
            "window_seconds": mapping.window_seconds,
            "parallelization_factor": mapping.parallelization_factor,
            "projection": self._settings.projection,
            "postgresql": server_version,
            "invocations": stats.invocations,
            "retries": stats.retries,
            "discarded_records": stats.discarded_records,
        }


def _introduction(
    settings: DemoSettings, endpoint: Endpoint, mapping: MappingSettings, workload: Workload
) -> str:
    return (
        f"stream   {settings.shards} shards at {endpoint.url or 'AWS'}\n"
        f"mapping  template.yaml: batches of {mapping.batch_size} or {mapping.window_seconds} s, "
        f"parallelization factor {mapping.parallelization_factor}\n"
        f"events   {workload.name}, sent by {settings.producers} producers"
    )


def _complain(console: Console, problem: str) -> None:
    console.print(f"[yellow]batches come back, nothing is lost:[/] {escape(problem)}")


def _workload(settings: DemoSettings) -> Workload:
    if settings.events is None:
        sends = generate(settings.seed, settings.count)
        return Workload(sends, settings.count, f"generated, seed {settings.seed}")
    events = events_file.check(settings.events)
    sends = (Send(event) for event in events_file.read(settings.events))
    return Workload(sends, events, f"{events:,} from {settings.events}")


@contextmanager
def _stream(endpoint: Endpoint, shards: int) -> Iterator[str]:
    """A stream of our own, deleted at the end; its ARN."""
    name = f"inorder-demo-{uuid.uuid4().hex[:12]}"
    arn = endpoint.create_stream(name, shards)
    try:
        yield arn
    finally:
        endpoint.client().delete_stream(StreamName=name)


@contextmanager
def _environments(function: Function, concurrency: int, log: Path) -> Iterator[EnvironmentPool]:
    """As many environments of the consumer as the mapping can use at once."""
    pool = EnvironmentPool(lambda: ChildProcess(function, log=log), concurrency=concurrency)
    try:
        yield pool
    finally:
        pool.stop()


@contextmanager
def _mapping(
    endpoint: Endpoint, arn: str, pool: EnvironmentPool, settings: MappingSettings, bucket: Path
) -> Iterator[MappingRunner]:
    stream = StreamIdentity(arn)
    identity = MappingIdentity(
        mapping_id=str(uuid.uuid4()), function_arn=f"{arn}/{_CONSUMER}", stream=stream
    )
    with MappingRunner(
        KinesisStream(endpoint.client(), stream), pool, Folder(bucket, identity), settings
    ) as runner:
        yield runner


def _producers(endpoint: Endpoint, arn: str, settings: DemoSettings) -> list[Producer]:
    given = ProducerSettings(delivery_timeout=_DELIVERY_SECONDS, block_timeout=_DELIVERY_SECONDS)
    return [
        Producer(
            StreamIdentity(arn).stream_name,  # not every endpoint takes an ARN
            endpoint.client(
                connections=given.max_requests_in_flight,
                connect_timeout=given.connect_timeout,
                read_timeout=given.read_timeout,
            ),
            settings=given,
        )
        for _ in range(settings.producers)
    ]


def _clock_offset(connection: psycopg.Connection[Any]) -> float:
    """The database's clock minus ours, in seconds, as good as one round trip tells."""
    before = time.time()
    row = connection.execute(_SQL["clock"]).fetchone()
    middle = (before + time.time()) / 2
    return 0.0 if row is None else float(row[0].timestamp()) - middle
