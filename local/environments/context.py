"""The context object a Python handler gets.

Source: Lambda Developer Guide, "Using the Lambda context object to retrieve Python function
information".
"""

import time
from collections.abc import Callable
from uuid import uuid4

from local.environments.function import Function


class Context:
    """One invocation's context; `deadline` in seconds since 1970."""

    identity = None
    client_context = None

    def __init__(
        self, function: Function, deadline: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.aws_request_id = str(uuid4())
        self.function_name = function.name
        self.function_version = "$LATEST"
        self.invoked_function_arn = function.arn
        self.memory_limit_in_mb = str(function.memory_mb)
        self.log_group_name = function.log_group
        self.log_stream_name = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{uuid4().hex}"
        self._deadline = deadline
        self._clock = clock

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - self._clock()) * 1000))
