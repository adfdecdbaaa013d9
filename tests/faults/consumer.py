"""A consumer at work: event source mapping and execution environments as the demo has them.

Scaled for tests: no window, batches of a hundred, an invocation of five seconds, and retries after
20 to 200 ms where Lambda waits for seconds. What happens in an outage depends on how many
invocations meet it, not on how long it takes.
"""

import itertools
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from contract.metrics import Metric
from local.demo.counts import ConsumerCounts
from local.environments.pool import EnvironmentPool
from local.environments.process import ChildProcess
from local.kinesis.endpoint import Endpoint
from local.mapping.lambda_event import StreamIdentity
from local.mapping.on_failure import Folder, MappingIdentity
from local.mapping.runner import MappingRunner
from local.mapping.settings import MappingSettings
from local.mapping.stream import KinesisStream
from local.mapping.template import Template
from local.mapping.undocumented import Undocumented
from tests.consuming.waiting import until

PROJECT = Path(__file__).parents[2]
_TEMPLATE = Template.open(PROJECT / "template.yaml", parameters={"DatabaseMode": "external"})

SCALED = msgspec.structs.replace(
    _TEMPLATE.mapping("ConsumerFunction", "Stream"), window_seconds=0, batch_size=100
)
"""The template's mapping, scaled."""

SECONDS = 5.0
_CONCURRENCY = 8
_number = itertools.count(1)


class Consumer:
    """A mapping and its environments; the numbers are since the start."""

    def __init__(self, mapping: MappingRunner, pool: EnvironmentPool, log: Path) -> None:
        self.mapping = mapping
        self.pool = pool
        self.log = log
        self.problems: list[str] = []
        self._counts = ConsumerCounts(log, self.problems.append)

    def __getitem__(self, metric: Metric) -> int:
        self._counts.update()
        return self._counts[metric]

    @property
    def crashed(self) -> int:
        """Invocations whose process died by itself or by a signal."""
        return self.mapping.stats.failed - self.mapping.stats.timed_out

    @property
    def deaths(self) -> int:
        """Processes that died: those of invocations, and those apart that one of them saw die."""
        apart = self.log.read_bytes().count(b"a process apart died") if self.log.exists() else 0
        return self.mapping.stats.failed + apart

    def wait_for(self, metric: Metric, more: int, *, seconds: float = 20) -> None:
        """Wait until the consumer has counted so many more."""
        wanted = self[metric] + more
        until(lambda: self[metric] >= wanted, seconds=seconds)

    def wait_for_trouble(self, *, seconds: float = 20) -> None:
        """Wait until another invocation was interrupted, or killed at its time-out."""

        def met() -> int:
            return self[Metric.BATCHES_INTERRUPTED] + self.mapping.stats.failed

        before = met()
        until(lambda: met() > before, seconds=seconds)

    def wait_to_hear(self, words: str, *, seconds: float = 20) -> None:
        """Wait until the consumer gave these words as why a batch was interrupted."""

        def heard() -> bool:
            self._counts.update()
            return any(words in problem for problem in self.problems)

        until(heard, seconds=seconds)

    def drain(self, seconds: float = 40) -> None:
        """Wait until all that is on the stream is finished, and check that nothing was given up."""
        self.mapping.wait_drained(seconds)
        assert self.mapping.stats.discarded_records == 0


@contextmanager
def consuming(
    endpoint: Endpoint,
    arn: str,
    database_url: str,
    folder: Path,
    *,
    settings: MappingSettings = SCALED,
    undocumented: Undocumented | None = None,
    seconds: float = SECONDS,
    memory_mb: int | None = None,
    concurrency: int = _CONCURRENCY,
    checkpoints: Mapping[str, str] | None = None,
    **variables: str,
) -> Iterator[Consumer]:
    """A consumer that begins where the settings say, or goes on from these checkpoints. `seconds`
    and `memory_mb` are the function's.
    """
    function = _TEMPLATE.function(
        "ConsumerFunction",
        environment={
            "DATABASE_URL": database_url,
            "RESERVE_SECONDS": "0.3",
            "CONNECT_SECONDS": "2",
            "POWERTOOLS_TRACE_DISABLED": "1",
            **variables,
        },
        code=PROJECT,
    )
    changes: dict[str, Any] = {"timeout_seconds": seconds}
    if memory_mb is not None:
        changes["memory_mb"] = memory_mb
    function = msgspec.structs.replace(function, **changes)
    log = folder / f"consumer-{next(_number)}.log"
    pool = EnvironmentPool(
        lambda: ChildProcess(function, log=log, limit_memory=memory_mb is not None),
        concurrency=concurrency,
    )
    stream = StreamIdentity(arn)
    identity = MappingIdentity(
        mapping_id=str(uuid.uuid4()), function_arn=function.arn, stream=stream
    )
    runner = MappingRunner(
        KinesisStream(endpoint.client(), stream),
        pool,
        Folder(folder / "on-failure", identity),
        settings,
        undocumented=undocumented or quick(),
        checkpoints=checkpoints,
    )
    try:
        with runner:
            yield Consumer(runner, pool, log)
    finally:
        pool.stop()


def quick(**choices: Any) -> Undocumented:
    """Scaled back-off, and what else of the undocumented a test chooses."""
    return Undocumented(backoff_first=20, backoff_most=200, **choices)
