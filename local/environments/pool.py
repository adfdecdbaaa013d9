"""As many execution environments as concurrency allows, started when they are needed."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from local.environments.environment import Ending, Environment, InvocationResult

DEFAULT_CONCURRENCY = 1_000
"""An account's concurrency without a reservation (Lambda Developer Guide, quotas)."""


class EnvironmentPool:
    """Invokes a function in a free environment, the last used first, as Lambda keeps warm what it
    needs; beyond `concurrency` an invocation is throttled.
    """

    def __init__(
        self, start: Callable[[], Environment], *, concurrency: int = DEFAULT_CONCURRENCY
    ) -> None:
        self._start = start
        self._concurrency = concurrency
        self._lock = threading.Lock()
        self._busy = 0
        self._free: list[Environment] = []
        self._all: list[Environment] = []
        self._stopped = False
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="environment")

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of all environments."""
        with self._lock:
            environments = tuple(self._all)
        return tuple(pid for environment in environments for pid in environment.pids)

    def invoke(self, event: bytes) -> "Future[InvocationResult]":
        """Start an invocation; the future's result comes at its end, at once when throttled."""
        with self._lock:
            has_room = self._busy < self._concurrency and not self._stopped
            self._busy += has_room
        if has_room:
            return self._threads.submit(self._run, event)
        throttled: Future[InvocationResult] = Future()
        throttled.set_result(InvocationResult(ending=Ending.THROTTLED))
        return throttled

    def stop(self) -> None:
        """End all environments; invocations that run end as crashed."""
        with self._lock:
            self._stopped = True
            environments = tuple(self._all)
        with ThreadPoolExecutor(max(1, len(environments))) as threads:
            list(threads.map(lambda environment: environment.stop(), environments))
        self._threads.shutdown(wait=True)

    def _run(self, event: bytes) -> InvocationResult:
        environment = self._take()
        if environment is None:
            return InvocationResult.crashed("stopped")
        try:
            return environment.invoke(event)
        finally:
            with self._lock:
                self._busy -= 1
                self._free.append(environment)

    def _take(self) -> Environment | None:
        with self._lock:
            if self._stopped:
                return None
            if self._free:
                return self._free.pop()
            environment = self._start()
            self._all.append(environment)
            return environment
