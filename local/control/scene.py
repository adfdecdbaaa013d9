"""A whole pipeline on this machine, around a database whose capacity can be set."""

import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain, count
from pathlib import Path
from typing import Any

import msgspec
import psycopg

import migrations
from consumer.sql import read_statements
from local.control.processor import Processor
from local.demo.workload import generate
from local.environments.pool import EnvironmentPool
from local.environments.process import ChildProcess
from local.kinesis.endpoint import Endpoint
from local.kinesis.open_endpoint import open_endpoint
from local.mapping.lambda_event import StreamIdentity
from local.mapping.on_failure import Folder, MappingIdentity
from local.mapping.runner import MappingRunner
from local.mapping.settings import MappingSettings
from local.mapping.stream import KinesisStream
from local.mapping.template import Template
from local.postgres import Postgres, temporary_folder
from migrations.migrate import INORDER, ORDERS
from producer import Producer, ProducerSettings

SQL = read_statements(Path(__file__).with_name("throttle.sql"))

_TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_EVENTS_AT_ONCE = 5_000


class Scene(msgspec.Struct, kw_only=True):
    """The parts that are up. `sent` counts what the stream was given; without a `processor` to
    limit, the database's capacity is the law's (`throttle.sql`).
    """

    server: Postgres
    processor: Processor | None
    runner: MappingRunner
    settings: MappingSettings
    log: Path
    shards: int
    endpoint: Endpoint
    stream: str
    sent: int = 0

    def ask(self, name: str, **parameters: Any) -> Any:
        """What a statement of `throttle.sql` says, on a connection of its own."""
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            cursor = connection.execute(SQL[name], parameters)
            return cursor.fetchone() if cursor.description else None


@contextmanager
def scene(
    *,
    shards: int,
    factor: int,
    batch_size: int,
    most_factor: int = 10,
    processor: Processor | None = None,
) -> Iterator[Scene]:
    """Everything started, a factor set; gone at the end of the block."""
    with (
        tempfile.TemporaryDirectory(prefix="inorder-throttle-") as name,
        temporary_folder() as data,
        Postgres(Path(data)) as server,
        open_endpoint(None) as endpoint,
    ):
        folder = Path(name)
        migrations.apply(server.url, [INORDER, ORDERS])
        if processor is None:
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute(SQL["install"])
        arn = endpoint.create_stream(f"throttled-{uuid.uuid4().hex[:12]}", shards)
        stream = StreamIdentity(arn)
        template = Template.open(_TEMPLATE, parameters={"DatabaseMode": "external"})
        function = template.function(
            "ConsumerFunction", environment={"DATABASE_URL": server.url}, code=Path.cwd()
        )
        settings = msgspec.structs.replace(
            template.mapping("ConsumerFunction", "Stream"),
            batch_size=batch_size,
            parallelization_factor=factor,
        )
        log = folder / "log"
        pool = EnvironmentPool(
            lambda: ChildProcess(function, log=log), concurrency=shards * most_factor
        )
        identity = MappingIdentity(
            mapping_id=str(uuid.uuid4()), function_arn=f"{arn}/consumer", stream=stream
        )
        try:
            with (
                processor.limited(server.url) if processor else nullcontext(),
                MappingRunner(
                    KinesisStream(endpoint.client(), stream),
                    pool,
                    Folder(folder / "on-failure", identity),
                    settings,
                ) as runner,
            ):
                yield Scene(
                    server=server,
                    processor=processor,
                    runner=runner,
                    settings=settings,
                    log=log,
                    shards=shards,
                    endpoint=endpoint,
                    stream=stream.stream_name,
                )
        finally:
            pool.stop()


@contextmanager
def load(made: Scene, rate: "Rate") -> Iterator[None]:
    """Events at `rate()` a second for as long as the block lasts."""
    ended = threading.Event()
    thread = threading.Thread(target=_send, args=(made, rate, ended), name="load")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Rate:
    """Events a second, to be changed from outside."""

    def __init__(self, value: float) -> None:
        self.value = value


def _send(made: Scene, rate: Rate, ended: threading.Event) -> None:
    settings = ProducerSettings(delivery_timeout=120.0, block_timeout=120.0)
    client = made.endpoint.client(connections=settings.max_requests_in_flight)
    # A generator begins when it has drawn all of its events: so several, one after the other.
    events = chain.from_iterable(generate(seed, _EVENTS_AT_ONCE) for seed in count(1))
    credit, before = 0.0, time.monotonic()
    with Producer(made.stream, client, settings=settings) as producer:
        while not ended.wait(0.02):
            now = time.monotonic()
            credit += rate.value * (now - before)
            before = now
            for _ in range(int(credit)):
                producer.send(next(events).event)
                made.sent += 1
            credit -= int(credit)
