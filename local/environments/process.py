"""The handler in a child process: Lambda's time-outs, crashes and memory limit, without Lambda.

The process is started by the first invocation, kept warm, killed at the function's time-out or when
it outgrows its memory, and started again by the next one after it ended, however it ended.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from local.environments import wire
from local.environments.child import READY
from local.environments.environment import InvocationResult
from local.environments.function import Function
from local.environments.memory import resident_bytes

INIT_SECONDS = 10.0
"""Time to load the function (Lambda Developer Guide, "Lambda execution environment lifecycle")."""

_PROJECT = Path(__file__).parents[2]
_MEMORY_CHECK_SECONDS = 0.05
_GRACE_SECONDS = 2.0


class ChildProcess:
    """One environment; what the function prints is appended to `log`."""

    def __init__(
        self, function: Function, *, log: Path | None = None, limit_memory: bool = False
    ) -> None:
        self._function = function
        self._log = log or Path(os.devnull)
        self._memory = function.memory_mb * 1024 * 1024 if limit_memory else None
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._stopped = False

    @property
    def pids(self) -> tuple[int, ...]:
        running = self._running
        return (running.process.pid,) if running and running.process.poll() is None else ()

    def invoke(self, event: bytes) -> InvocationResult:
        init = self._ensure_running()
        if init is not None:
            return init
        running = self._running
        if running is None:
            return InvocationResult.crashed("stopped")
        seconds = self._function.timeout_seconds
        result = running.ask(event, seconds, self._memory)
        if isinstance(result, bytes):
            return msgspec.json.decode(result, type=InvocationResult)
        self._discard()
        return result

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            running, self._running = self._running, None
        if running is not None:
            running.end(_GRACE_SECONDS)

    def _ensure_running(self) -> InvocationResult | None:
        """Start the process if there is none; a result if it could not be loaded."""
        with self._lock:
            if self._stopped:
                return InvocationResult.crashed("stopped")
            if self._running is not None and self._running.process.poll() is None:
                return None
            if self._running is not None:
                self._running.end(0)
            self._running = _Running(self._function, self._log)
            running = self._running
        answer = running.ask(self._function.encode(), INIT_SECONDS, self._memory)
        if answer == READY:
            return None
        self._discard()
        if isinstance(answer, bytes):
            return msgspec.json.decode(answer, type=InvocationResult)
        return answer

    def _discard(self) -> None:
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.end(0)


class _Running:
    """A started child process with its socket and lifeline."""

    def __init__(self, function: Function, log: Path) -> None:
        self._connection, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        variables = function.variables()
        path = variables.get("PYTHONPATH", "")
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_PROJECT), path)))
        command = [sys.executable, "-m", "local.environments.child", str(theirs.fileno())]
        with log.open("ab") as output, theirs:
            self.process = subprocess.Popen(
                [*command, str(lifeline)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=variables,
                cwd=function.folder,
                pass_fds=(theirs.fileno(), lifeline),
                start_new_session=True,  # the terminal's Ctrl-C is for us
            )
        os.close(lifeline)

    def ask(self, message: bytes, seconds: float, memory: int | None) -> bytes | InvocationResult:
        """Send a message and wait for its answer: its bytes, or how the process failed to give
        one. After a failure the process is dead or about to be killed.
        """
        deadline = time.monotonic() + seconds
        try:
            self._connection.settimeout(seconds)
            wire.send(self._connection, message)
            while not self._answered(deadline, memory):
                if time.monotonic() >= deadline:
                    return InvocationResult.timed_out(seconds)
                if memory is not None and resident_bytes(self.process.pid) > memory:
                    self.process.kill()
            return wire.receive(self._connection)
        except TimeoutError:
            return InvocationResult.timed_out(seconds)
        except (EOFError, OSError):
            return InvocationResult.crashed(_how(self.process.wait()))

    def end(self, grace: float) -> None:
        """End the process, giving it time to do so by itself when it is idle."""
        self._connection.shutdown(socket.SHUT_RDWR)
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._connection.close()
        os.close(self._lifeline)

    def _answered(self, deadline: float, memory: int | None) -> bool:
        left = max(0.0, deadline - time.monotonic())
        wait = left if memory is None else min(left, _MEMORY_CHECK_SECONDS)
        return bool(select.select([self._connection], [], [], wait)[0])


def _how(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    return f"signal: {signal.Signals(-code).name.removeprefix('SIG').lower()}"
