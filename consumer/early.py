"""The first connection, begun while the rest of the function is imported: a cold start waits for
both, and they hardly need one another.

Only where Lambda starts an environment on demand (Lambda Developer Guide, "Defined runtime
environment variables"; the emulator does not say why it starts one). From a snapshot many
environments would start with one connection, and what is provisioned has time enough. Lambda may
freeze an environment before its first invocation, and what becomes of the connection meanwhile is
what becomes of any between two invocations: if it breaks, another one is made.
"""

import os
from collections.abc import Callable, Mapping
from threading import Thread

from consumer import settings
from consumer.connecting import connect
from consumer.connection import Timed

_TYPE, _ON_DEMAND = "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"


class Begun:
    """A connection that is being made by a thread; call it for the connection, or for the error."""

    def __init__(self, making: Callable[[], Timed]) -> None:
        self._outcome: Timed | BaseException
        self._thread = Thread(target=self._make, args=(making,), daemon=True)
        self._thread.start()

    def __call__(self) -> Timed:
        self._thread.join()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def _make(self, making: Callable[[], Timed]) -> None:
        try:
            self._outcome = making()
        except BaseException as error:  # noqa: BLE001 - it is raised where the connection is asked for
            self._outcome = error


def begin(environment: Mapping[str, str] = os.environ) -> Begun | None:
    """Begin to connect as these variables say, if they say that Lambda starts this on demand."""
    is_lambda = "AWS_LAMBDA_RUNTIME_API" in environment
    if not is_lambda or environment.get(_TYPE, _ON_DEMAND) != _ON_DEMAND:
        return None
    return Begun(lambda: connect(settings.read(environment)))


begun = begin()
