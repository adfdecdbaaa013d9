"""A PostgreSQL server that gets no more than so much of the processor.

In every period all its processes together may use what their quota says; then they are stopped
until the next one begins, and what they used too much is taken off that. So does the kernel with a
group of processes (Linux, cgroup v2, `cpu.max`), which would need rights that not everybody has.
Work, locks and waiting are PostgreSQL's own; while there is little to do nothing is different.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import psycopg

from contract import InorderError

_PERIOD = 0.05
_TICK = 0.002
_LOOK_SECONDS = 0.5
"""How often it is looked which processes there are."""

_PROCESSES = "select pid from pg_stat_activity where pid <> pg_backend_pid()"


def can_be_limited() -> bool:
    """Whether this system tells how much of the processor another process has used."""
    return sys.platform == "linux"


class Unlimited(InorderError):
    """What was measured was measured without its limit, and is worth nothing."""


class Processor:
    """`cores`, above 0, is how much of the processor the server may use; it may be set at any time.

    The quota is kept by a process of its own: in this one it would wait for whoever computes.
    """

    def __init__(self, cores: float) -> None:
        self._spawning = get_context("spawn")
        self._cores = self._spawning.Value("d", cores)

    def set(self, cores: float) -> None:
        self._cores.value = cores

    @contextmanager
    def limited(self, url: str) -> Iterator[None]:
        """The server at `url`, started by this process, has its quota within the block. Raises
        `Unlimited` where it had none, or not to the end of the block.
        """
        began, ended = self._spawning.Event(), self._spawning.Event()
        told = (url, self._cores, began, ended)
        keeper = self._spawning.Process(target=_keep, args=told, daemon=True)
        keeper.start()
        try:
            while keeper.is_alive() and not began.wait(_LOOK_SECONDS):
                continue
            if began.is_set():
                yield
        finally:
            ended.set()
            keeper.join()
        if keeper.exitcode != 0:
            raise Unlimited(
                "the server was not limited: the process that keeps the quota of the processor "
                f"ended with {keeper.exitcode}; what it said is above"
            )


def _keep(url: str, cores: Any, began: Any, ended: Any) -> None:
    found: dict[int, float] = {}
    looked = owed = 0.0
    with psycopg.connect(url, autocommit=True) as connection:
        began.set()
        try:
            while not ended.is_set():
                if time.monotonic() - looked >= _LOOK_SECONDS:
                    # One that is stopped may hold what the answer waits for.
                    _signal(found, signal.SIGCONT)
                    pids = [pid for (pid,) in connection.execute(_PROCESSES)]
                    found = {pid: found.get(pid, _used(pid)) for pid in pids}
                    looked = time.monotonic()
                quota = cores.value * _PERIOD
                owed = max(0.0, _period(found, owed, quota) - quota)
        finally:
            _signal(found, signal.SIGCONT)


def _period(found: dict[int, float], owed: float, quota: float) -> float:
    """One period of these processes, by what each had used at the last; what is used after it."""
    end = time.monotonic() + _PERIOD
    _signal(found, signal.SIGCONT if owed < quota else signal.SIGSTOP)
    while time.monotonic() < end:
        time.sleep(_TICK)
        for pid, before in found.items():
            found[pid] = now = _used(pid)
            owed += max(0.0, now - before)
        if owed >= quota:
            _signal(found, signal.SIGSTOP)
    return owed


def _used(pid: int) -> float:
    """Seconds of the processor that a process has used: its clock, as clock_getcpuclockid(3) names
    it (Linux, include/linux/posix-timers_types.h); 0 where it is gone.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _signal(processes: dict[int, float], what: signal.Signals) -> None:
    for pid in processes:
        try:
            os.kill(pid, what)
        except ProcessLookupError:
            continue  # its client has gone meanwhile
