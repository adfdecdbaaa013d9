"""Runs a command for as long as its standard input stays open: `python -m local.tether COMMAND…`.

A server written by others cannot be told to end when we do. Tied to a pipe that only we hold, it
is ended with its whole session when we close the pipe or die, also by SIGKILL, on any Unix.
"""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_GRACE_SECONDS = 5.0
_PROJECT = Path(__file__).parents[1]


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    user: str = "",
    end_with: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a command on a tether, its output appended to `log`; `release` ends it.

    It runs as `user` (empty: as we do), and `end_with` is the signal that asks it to end.
    """
    how = [str(cwd or Path.cwd()), user, end_with.name]
    whole = [sys.executable, "-m", "local.tether", *how, *map(str, command)]
    with log.open("ab") as output:
        return subprocess.Popen(
            whole,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=_PROJECT,
            start_new_session=True,  # the terminal's Ctrl-C is for us: we end our children in order
        )


def release(tether: subprocess.Popen[bytes]) -> None:
    """End what `start` started, and wait for its end."""
    if tether.stdin is not None:
        tether.stdin.close()
    try:
        tether.wait(2 * _GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        tether.kill()
        tether.wait()


def as_user(name: str) -> dict[str, Any]:
    """The keyword arguments of `subprocess` that run a command as another user, with no group but
    that user's own; none for an empty name.
    """
    if not name:
        return {}
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


def main(cwd: str, user: str, end_with: str, *command: str) -> int:
    """Run the command in a session of its own until it ends or standard input does."""
    child = subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ,
        **as_user(user),
    )
    ask = signal.Signals[end_with]
    threading.Thread(target=_end_with_input, args=(child, ask), daemon=True).start()
    code = child.wait()
    _signal_session(child, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _end_with_input(child: subprocess.Popen[bytes], ask: signal.Signals) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    _signal_session(child, ask)
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal_session(child, signal.SIGKILL)


def _signal_session(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
