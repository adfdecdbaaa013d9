"""Runs a LocalStack function in the real Lambda runtime client, a process and no container.

One execution environment is one `RuntimeInterfaceEmulator`, started in the folder where LocalStack
unpacked the function's zip and tied to LocalStack's life. The function sees the variables that
LocalStack would give its container, endpoint and credentials among them; everything of it listens
on loopback. Memory is not limited, and layers are not mounted.
"""

import os
import time
from pathlib import Path
from typing import Any

import msgspec
from localstack import config
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from local.environments import environment, rie
from local.environments.function import Function

TOOLS = "INORDER_LAMBDA_TOOLS"
"""The variable that says where the emulator and the runtime client are."""
PYTHON = "INORDER_LAMBDA_PYTHON"
"""The variable that says which Python runs the functions."""
LOGS = "INORDER_LAMBDA_LOGS"
"""The variable that says in which folder their output is kept, a file per environment."""

_HOST = "127.0.0.1"
_CONTAINERS = ("LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_EXECUTION_ENV")
"""Variables with a container's paths; the runtime client finds its own."""


class RieExecutor(RuntimeExecutor):  # type: ignore[misc] # LocalStack is typed in its venv alone
    """One execution environment of a function's version, as LocalStack wants it."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002
        super().__init__(id=id, function_version=function_version)
        name = function_version.id.function_name
        self._log = Path(os.environ[LOGS]) / f"{name}-{id[:12]}.log"
        self._environment: rie.RuntimeInterfaceEmulator | None = None

    def start(self, env_vars: dict[str, Any]) -> None:
        """Get ready; the process itself is started by the first invocation."""
        version, settings = self.function_version.id, self.function_version.config
        given = {name: str(value) for name, value in env_vars.items() if value is not None}
        self._environment = rie.RuntimeInterfaceEmulator(
            Function(
                name=version.function_name,
                handler=settings.handler,
                timeout_seconds=settings.timeout,
                memory_mb=settings.memory_size,
                environment={k: v for k, v in given.items() if k not in _CONTAINERS},
                code=Path(settings.code.get_unzipped_code_location()),
                region=version.region,
                account=version.account,
            ),
            log=self._log,
            python=os.environ[PYTHON],
            tools=Path(os.environ[TOOLS]),
        )

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Invoke and wait; the result's `logs` are what was printed meanwhile."""
        if self._environment is None:
            raise RuntimeError("this environment was not started")
        before = self._log.stat().st_size if self._log.exists() else 0
        began = time.monotonic()
        result = self._environment.invoke(payload["payload"].encode())
        milliseconds = (time.monotonic() - began) * 1000
        request_id = payload["invoke-id"]
        return InvocationResult(
            request_id=request_id,
            payload=_body(result),
            is_error=result.ending is not environment.Ending.ANSWERED,
            logs=f"START RequestId: {request_id}\n{self._printed(before)}END RequestId: "
            f"{request_id}\nREPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\n",
        )

    def stop(self) -> None:
        if self._environment is not None:
            self._environment.stop()

    def get_logs(self) -> str:
        return self._printed(0)

    def get_address(self) -> str:
        return _HOST

    def get_endpoint_from_executor(self) -> str:
        return _HOST

    def get_runtime_endpoint(self) -> str:
        """Where a container would report to; nothing of ours does."""
        return f"http://{_HOST}:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """LocalStack removes the unpacked code itself."""

    @classmethod
    def validate_environment(cls) -> bool:
        return rie.is_installed(Path(os.environ[TOOLS]))

    def _printed(self, since: int) -> str:
        if not self._log.exists():
            return ""
        with self._log.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")


def _body(result: environment.InvocationResult) -> bytes:
    if result.ending is environment.Ending.ANSWERED:
        return msgspec.json.encode(result.answer)
    return msgspec.json.encode(
        {"errorType": result.error_type, "errorMessage": result.error_message}
    )
