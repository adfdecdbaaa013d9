"""What every execution environment promises, and how an invocation can end."""

from enum import Enum
from typing import Any, Protocol

import msgspec


class Ending(Enum):
    """How an invocation ended."""

    ANSWERED = "the handler returned"
    FAILED = "the handler raised, could not be loaded, or returned no JSON"
    CRASHED = "the process ended"
    TIMED_OUT = "the function's time-out came first; the process was killed"
    THROTTLED = "no environment was free: not invoked"


class InvocationResult(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one invocation. `answer` is the JSON value the handler returned; the error's type
    and message are Lambda's (`Runtime.ExitError`, `Sandbox.Timedout`, the exception's class, …).
    """

    ending: Ending
    answer: Any = None
    error_type: str = ""
    error_message: str = ""

    @classmethod
    def timed_out(cls, seconds: float) -> "InvocationResult":
        return cls(
            ending=Ending.TIMED_OUT,
            error_type="Sandbox.Timedout",
            error_message=f"Task timed out after {seconds:.2f} seconds",
        )

    @classmethod
    def crashed(cls, how: str) -> "InvocationResult":
        return cls(
            ending=Ending.CRASHED,
            error_type="Runtime.ExitError",
            error_message=f"Runtime exited with error: {how}",
        )

    @classmethod
    def failed(cls, error_type: str, error_message: str) -> "InvocationResult":
        return cls(ending=Ending.FAILED, error_type=error_type, error_message=error_message)


class Environment(Protocol):
    """Runs one invocation at a time; the same one again as long as it lives."""

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes it runs now, none for one that runs here or has not been started."""
        ...

    def invoke(self, event: bytes) -> InvocationResult:
        """Run the handler with this event's JSON; never raises for what the handler does."""
        ...

    def stop(self) -> None:
        """End it, also while it is invoked from another thread. It cannot be used again."""
        ...
