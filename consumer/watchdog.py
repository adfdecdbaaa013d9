"""Cuts the connection that an invocation would otherwise wait for beyond its time.

A database that neither answers nor refuses (frozen, half open, waiting for its standby) would keep
the invocation until Lambda kills it, and a killed invocation looks like a killer's doing. A broken
connection is what it is: an outage. A projection that never comes back has no use for the
connection, and is not saved by this: `consumer.overrun` looks after that, from the same thread, and
is asked before a cut whether the database is to blame at all.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Protocol

from consumer.overrun import TICK, Overrun


class Cuttable(Protocol):
    """What `consumer.database.Database` is to this module."""

    def cut(self) -> None:
        """Break the connection, whoever waits for it; from any thread."""
        ...


@contextmanager
def watching(
    database: Cuttable, seconds: Sequence[float], overrun: Overrun | None = None
) -> Iterator[None]:
    """Cut the database's connection after each of these many seconds, unless the block has ended,
    and look after an overrun meanwhile.

    Costs a thread, some 0.1 ms, and another for the alarm.
    """
    ended = Event()
    if overrun is not None:
        overrun.arm()
    watcher = Thread(target=_watch, args=(database, seconds, ended, overrun), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        if overrun is not None:
            # Lambda freezes the process next: no alarm may be left behind.
            watcher.join()
            overrun.disarm()


def cuts(remaining: float, *, reserve: float, connect: float) -> list[float]:
    """When to cut, in seconds from now: once with time left to connect anew and take the marker
    back, and once more if that hangs too.
    """
    spare = min(reserve + connect, remaining / 2)
    return [remaining - spare, remaining - min(reserve, spare) / 2]


def _watch(
    database: Cuttable, seconds: Sequence[float], ended: Event, overrun: Overrun | None
) -> None:
    waited = 0.0
    left = sorted(seconds)
    while left or overrun is not None:
        until = left[0] - waited if left else TICK
        wait = until if overrun is None else min(until, TICK)
        if ended.wait(wait):
            return
        waited += wait
        if left and waited >= left[0]:
            del left[0]
            if overrun is not None:
                overrun.end_if_pestering()
            database.cut()
        if overrun is not None:
            overrun.look()
