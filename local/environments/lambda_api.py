"""The function where it is deployed, invoked through Lambda's API: on LocalStack, or on AWS.

An `EnvironmentPool` of these is as many invocations as may run at once; which environment takes one
is the service's affair. The client must not retry by itself, and its read time-out must outlast the
function's.
"""

import json
import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.environments.environment import Ending, InvocationResult

_THROTTLED = "TooManyRequestsException"
_TIMED_OUT = re.compile(r"Task timed out after ([0-9.]+) seconds")
_CRASHES = ("Runtime.ExitError", "Runtime.OutOfMemory")


class LambdaApi:
    """One invocation at a time of the function of this name, version or alias included."""

    pids: tuple[int, ...] = ()

    def __init__(self, client: Any, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def invoke(self, event: bytes) -> InvocationResult:
        try:
            answer = self._client.invoke(FunctionName=self._function_name, Payload=event)
            payload = answer["Payload"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == _THROTTLED:
                return InvocationResult(ending=Ending.THROTTLED)
            return InvocationResult.failed(error.response["Error"]["Code"], str(error))
        except BotoCoreError as error:
            return InvocationResult.failed(type(error).__name__, str(error))
        if "FunctionError" in answer:
            return _failure(payload)
        return InvocationResult(ending=Ending.ANSWERED, answer=json.loads(payload or b"null"))

    def stop(self) -> None:
        """Nothing to end: the service keeps its environments."""


def _failure(payload: bytes) -> InvocationResult:
    error = json.loads(payload)
    kind, message = error.get("errorType", ""), error.get("errorMessage", "")
    if (seconds := _TIMED_OUT.search(message)) is not None:
        return InvocationResult.timed_out(float(seconds[1]))
    if kind in _CRASHES:
        return InvocationResult(ending=Ending.CRASHED, error_type=kind, error_message=message)
    return InvocationResult.failed(kind, message)
