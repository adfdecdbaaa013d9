"""The consumer in child processes: Lambda's time-outs, crashes and memory, the real handler."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local.environments.function import Function
from local.environments.pool import EnvironmentPool
from local.environments.process import ChildProcess

PROJECT = Path(__file__).parents[2]

Start = Callable[..., EnvironmentPool]


@contextmanager
def starting(database_url: str, folder: Path) -> Iterator[Start]:
    """Gives a function that starts a pool of environments: projection, time-out, memory, and what
    else the environment variables say. Their logs are `folder`'s `consumer-0.log` and so on.
    """
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
        log = folder / f"consumer-{len(started)}.log"
        pool = EnvironmentPool(
            lambda: ChildProcess(function, log=log, limit_memory=memory_mb is not None),
            concurrency=concurrency,
        )
        started.append(pool)
        return pool

    try:
        yield start
    finally:
        for pool in started:
            pool.stop()
