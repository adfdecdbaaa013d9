"""The handler in the real Lambda runtime client, under AWS's runtime interface emulator.

No container: the emulator (the binary that the SAM CLI puts into its images) runs here with
`awslambdaric`, both on loopback ports of their own. It enforces the time-out, reports crashes and
starts the runtime again. The function's folder is a built zip's. Linux only: the binary is.
"""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from contract.errors import InorderError
from local import tether
from local.environments.environment import Ending, InvocationResult
from local.environments.function import Function

TOOLS = Path(__file__).parents[2] / ".tools" / "rie"
"""Where `install_rie` puts the emulator and the runtime client."""

_START_SECONDS = 10.0
_SLACK_SECONDS = 15.0  # the emulator's own end of a timed-out or never-ready runtime
_PATH = "/2015-03-31/functions/function/invocations"


class RieUnavailable(InorderError):
    """The runtime interface emulator is not installed or did not start; the message says more."""


def is_installed(tools: Path = TOOLS) -> bool:
    return (tools / "aws-lambda-rie").is_file() and (tools / "runtime" / "awslambdaric").is_dir()


class RuntimeInterfaceEmulator:
    """One environment: the emulator with one runtime, its log appended to `log`."""

    def __init__(
        self,
        function: Function,
        *,
        log: Path | None = None,
        python: str = sys.executable,
        tools: Path = TOOLS,
    ) -> None:
        self._function = function
        self._log = log or Path(os.devnull)
        self._python = python
        self._tools = tools
        self._lock = threading.Lock()
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    @property
    def pids(self) -> tuple[int, ...]:
        process = self._process
        return (process.pid,) if process and process.poll() is None else ()

    def invoke(self, event: bytes) -> InvocationResult:
        try:
            self._ensure_running()
            status, body = self._post(event)
        except TimeoutError:
            self._end()
            return InvocationResult.timed_out(self._function.timeout_seconds)
        except (OSError, http.client.HTTPException) as error:
            self._end()
            return InvocationResult.crashed(f"emulator: {error}")
        return _result(status, body, self._function.timeout_seconds)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
        self._end()

    def _post(self, event: bytes) -> tuple[int, bytes]:
        wait = self._function.timeout_seconds + _SLACK_SECONDS
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=wait)
        with contextlib.closing(connection):
            connection.request("POST", _PATH, event)
            response = connection.getresponse()
            return response.status, response.read()

    def _ensure_running(self) -> None:
        with self._lock:
            if self._stopped:
                raise ConnectionAbortedError("stopped")
            if self._process is not None and self._process.poll() is None:
                return
            self._port, api_port = _free_ports()
            self._process = tether.start(
                [
                    self._tools / "aws-lambda-rie",
                    *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
                    *("--runtime-api-address", f"127.0.0.1:{api_port}"),
                    *(self._python, "-m", "awslambdaric", self._function.handler),
                ],
                log=self._log,
                env=self._variables(),
                cwd=self._function.folder,
            )
            process = self._process
        self._wait_until_listening(process)

    def _wait_until_listening(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            time.sleep(0.01)
        raise ConnectionRefusedError("did not start; see its log")

    def _variables(self) -> dict[str, str]:
        variables = self._function.variables()
        path = (str(self._tools / "runtime"), variables.get("PYTHONPATH", ""))
        return {
            **variables,
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            # whole seconds: that is all a function's time-out can be
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(max(1, round(self._function.timeout_seconds))),
            "AWS_ACCESS_KEY_ID": variables.get("AWS_ACCESS_KEY_ID", "local"),
            "AWS_SECRET_ACCESS_KEY": variables.get("AWS_SECRET_ACCESS_KEY", "local"),
        }

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            tether.release(process)


def _result(status: int, body: bytes, seconds: float) -> InvocationResult:
    """The emulator says what happened in the body alone; a time-out is a bare sentence."""
    if body.startswith(b"Task timed out"):
        return InvocationResult.timed_out(seconds)
    try:
        answer: Any = json.loads(body) if body else None
    except ValueError:
        return InvocationResult.failed("Unknown", body[:1000].decode(errors="replace"))
    if isinstance(answer, dict) and {"errorType", "errorMessage"} <= answer.keys():
        ending = Ending.CRASHED if status >= http.client.INTERNAL_SERVER_ERROR else Ending.FAILED
        return InvocationResult(
            ending=ending, error_type=answer["errorType"], error_message=answer["errorMessage"]
        )
    return InvocationResult(ending=Ending.ANSWERED, answer=answer)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
