"""Loading and calling a Python handler as Lambda's runtime does."""

import importlib
import json
from collections.abc import Callable
from typing import Any

from local.environments.context import Context
from local.environments.environment import Ending, InvocationResult

Handler = Callable[[Any, Context], Any]


def load(name: str) -> Handler:
    """The handler called `package.module.function` (or `folder/module.function`); raises what the
    import raises.
    """
    module, _, function = name.replace("/", ".").rpartition(".")
    return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]  # whatever the user named


def call(handler: Handler, event: bytes, context: Context) -> InvocationResult:
    """Call the handler with the event; what it raises is a result."""
    try:
        answer = handler(json.loads(event), context)
    except Exception as error:  # noqa: BLE001 - whatever the function does is a result
        return InvocationResult.failed(type(error).__name__, str(error))
    try:
        return InvocationResult(ending=Ending.ANSWERED, answer=json.loads(json.dumps(answer)))
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        return InvocationResult.failed("Runtime.MarshalError", message)
