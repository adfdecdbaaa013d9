"""The consumer in child processes, with a projection that some events kill."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from local.environments.function import Function
from local.environments.pool import EnvironmentPool
from local.environments.process import ChildProcess
from tests.consuming.journal import SCHEMA

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def consumers(
    database_url: str, sql: psycopg.Connection, tmp_path: Path
) -> Iterator[Callable[..., EnvironmentPool]]:
    """Starts a pool of environments of the consumer: projection, time-out, variables."""
    sql.execute(SCHEMA)
    started: list[EnvironmentPool] = []

    def start(
        projection: str = "tests.consuming.deadly:Deadly",
        *,
        seconds: float = 3.0,
        memory_mb: int | None = None,
        concurrency: int = 2,
        **variables: str,
    ) -> EnvironmentPool:
        function = Function(
            name="consumer",
            handler="consumer.handler.handler",
            timeout_seconds=seconds,
            memory_mb=memory_mb or 1024,
            code=PROJECT,
            environment={
                "DATABASE_URL": database_url,
                "PROJECTION": projection,
                "RESERVE_SECONDS": "0.3",
                "POWERTOOLS_TRACE_DISABLED": "1",
                **variables,
            },
        )
        log = tmp_path / f"consumer-{len(started)}.log"
        pool = EnvironmentPool(
            lambda: ChildProcess(function, log=log, limit_memory=memory_mb is not None),
            concurrency=concurrency,
        )
        started.append(pool)
        return pool

    yield start
    for pool in started:
        pool.stop()
