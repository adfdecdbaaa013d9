"""A process apart, seen from outside: it is started, heard out, and waited for."""

import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from consumer.apart.evidence import At
from consumer.apart.witness import Ended, Work
from consumer.attempts import Interrupted
from consumer.deploys import Code
from consumer.settings import Settings

_ROOT = Path(__file__).parents[2]


class Commission(msgspec.Struct, frozen=True, kw_only=True):
    """What a process apart is given to do: `work` for at most `seconds`, no more than `longest` of
    them in the projection's own code without coming back, and no more than `memory` bytes beyond
    what it has when it begins (None for as many as there are). `parent` is who waits for it.
    """

    parent: int
    work: Work
    settings: Settings
    code: Code
    seconds: float
    longest: float
    memory: int | None


class Processes:
    """Starts processes that run the consumer's own code, with these settings."""

    def __init__(self, settings: Settings, code: Code) -> None:
        self._settings = settings
        self._code = code

    def __call__(self, work: Work, seconds: float, longest: float) -> Ended:
        """Run the work to its end; never raises for what it does."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - this very interpreter
                [sys.executable, "-m", "consumer.apart", str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": _path()},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # a signal to its group is not for us
            )
        with Connection(ours.detach()) as connection:
            try:
                connection.send_bytes(pickle.dumps(self._commission(work, seconds, longest)))
            except OSError:  # it is dead already
                return Ended(said=[], death=_how(process.wait()))
            try:
                return _heard_out(connection, process, seconds)
            finally:
                process.kill()
                process.wait()

    def _commission(self, work: Work, seconds: float, longest: float) -> Commission:
        return Commission(
            parent=os.getpid(),
            work=work,
            settings=self._settings,
            code=self._code,
            seconds=seconds,
            longest=longest,
            memory=_memory_left(),
        )


def _heard_out(connection: Connection, process: "subprocess.Popen[bytes]", seconds: float) -> Ended:
    """What the process says until it ends, or until its time is up, which proves nothing."""
    ends = time.monotonic() + seconds
    said: list[Any] = []
    at: At | None = None
    while connection.poll(max(0.0, ends - time.monotonic())):
        try:
            kind, told = pickle.loads(connection.recv_bytes())  # noqa: S301 - our own child's
        except (EOFError, OSError):
            return Ended(said=said, at=at, death=_how(process.wait()))
        match kind:
            case "at":
                at = told
            case "said":
                said.append(told)
            case _:
                problem = told if isinstance(told, Interrupted) else None
                return Ended(said=said, at=at, problem=problem)
    problem = Interrupted(None, f"a process apart did not come back within {seconds:.1f} s")
    return Ended(said=said, at=at, problem=problem)


def _path() -> str:
    """Where this process finds its modules, the runtime's own and the function's."""
    return os.pathsep.join(dict.fromkeys([str(_ROOT), *filter(None, sys.path)]))


def _memory_left() -> int | None:
    """Bytes of the function's memory that this process does not use (Lambda Developer Guide,
    "Defined runtime environment variables"); None where nobody says how many there are.
    """
    megabytes = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    statm = Path("/proc/self/statm")
    if megabytes is None or not statm.exists():
        return None
    return int(megabytes) * 1024 * 1024 - int(statm.read_text().split()[1]) * resource.getpagesize()


def _how(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    return f"signal {signal.Signals(-code).name}"
