"""The handler in this very process: the fastest way, without Lambda's protection.

A time-out is reported, but the handler's thread cannot be killed: it runs on, as a zombie would,
and its effects may come late. A crash of the handler is a crash of this process.
"""

import queue
import threading
import time

from local.environments.context import Context
from local.environments.environment import InvocationResult
from local.environments.function import Function
from local.environments.handler import call, load


class InProcess:
    """An environment whose handler shares this process' memory and environment variables."""

    pids: tuple[int, ...] = ()

    def __init__(self, function: Function) -> None:
        self._function = function

    def invoke(self, event: bytes) -> InvocationResult:
        answer: queue.SimpleQueue[InvocationResult] = queue.SimpleQueue()
        seconds = self._function.timeout_seconds
        context = Context(self._function, time.time() + seconds)
        threading.Thread(target=self._run, args=(event, context, answer), daemon=True).start()
        try:
            return answer.get(timeout=seconds)
        except queue.Empty:
            return InvocationResult.timed_out(seconds)

    def stop(self) -> None:
        """Nothing to end: no process was started."""

    def _run(
        self, event: bytes, context: Context, answer: "queue.SimpleQueue[InvocationResult]"
    ) -> None:
        try:
            handler = load(self._function.handler)
        except Exception as error:  # noqa: BLE001 - the module's own code runs on import
            answer.put(InvocationResult.failed("Runtime.ImportModuleError", str(error)))
            return
        answer.put(call(handler, event, context))
