"""Child processes that cannot outlive this one, and that are ended by their own process ID."""

import ctypes
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, its output appended to `log`.

    A session of its own keeps the terminal's Ctrl-C away from it: this process stops it in order.
    On Linux the kernel sends it `death_signal` if this process dies without doing so; the signal
    is bound to the thread that starts it, so start servers from a thread that stays.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            **as_user(user),
            start_new_session=True,
            preexec_fn=_die_with_parent(death_signal),  # noqa: PLW1509 - nothing here takes a lock
        )


def as_user(name: str | None) -> dict[str, Any]:
    """The keyword arguments of `subprocess` that run a command as another user, with no group but
    that user's own; none for None.
    """
    if name is None:
        return {}
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


def stop(process: subprocess.Popen[bytes], *, with_signal: signal.Signals, seconds: float) -> int:
    """End a child: ask, wait, then kill. Returns its exit code."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up here: not after the fork

    def ask_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)

    return ask_kernel
