"""The inside of a `process` environment: `python -m local.environments.child SOCKET LIFELINE`.

Gets the function as its first message, loads the handler, and then answers one event after the
other. It ends when the socket does; when the lifeline ends its parent is dead and it dies at once,
whatever the handler is doing.
"""

import contextlib
import fcntl
import os
import signal
import socket
import sys
import threading
import time
from io import TextIOWrapper
from typing import cast

import msgspec

from local.environments import wire
from local.environments.context import Context
from local.environments.environment import InvocationResult
from local.environments.function import Function
from local.environments.handler import Handler, call, load

READY = b"ready"


def main(socket_fd: int, lifeline_fd: int) -> None:
    """Serve invocations until the parent closes the socket."""
    _die_with(lifeline_fd)
    connection = socket.socket(fileno=socket_fd)
    function = Function.decode(wire.receive(connection))
    sys.path.insert(0, str(function.folder))
    handler = _loaded(function)
    encode = msgspec.json.Encoder().encode
    wire.send(connection, READY if not isinstance(handler, InvocationResult) else encode(handler))
    while not isinstance(handler, InvocationResult):
        event = wire.receive(connection)
        context = Context(function, time.time() + function.timeout_seconds)
        wire.send(connection, encode(call(handler, event, context)))


def _loaded(function: Function) -> Handler | InvocationResult:
    try:
        return load(function.handler)
    except Exception as error:  # noqa: BLE001 - the module's own code runs on import
        message = f"Unable to import '{function.handler}': {error}"
        return InvocationResult.failed("Runtime.ImportModuleError", message)


def _die_with(lifeline_fd: int) -> None:
    """The kernel's SIGIO ends even a handler that never lets go of the interpreter; the thread is
    for systems that send none for a pipe.
    """
    fcntl.fcntl(lifeline_fd, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(lifeline_fd, fcntl.F_GETFL)
    fcntl.fcntl(lifeline_fd, fcntl.F_SETFL, flags | os.O_ASYNC)
    threading.Thread(target=_watch, args=(lifeline_fd,), daemon=True).start()


def _watch(lifeline_fd: int) -> None:
    os.read(lifeline_fd, 1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children in order
    # A line at a time: what a killed function printed is there, and environments that share a log
    # do not print into each other's lines.
    cast("TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        main(int(sys.argv[1]), int(sys.argv[2]))
