"""Cuts the connection that an invocation would otherwise wait for beyond its time.

A database that neither answers nor refuses (frozen, half open, waiting for its standby) would keep
the invocation until Lambda kills it, and a killed invocation looks like a killer's doing. A broken
connection is what it is: an outage. A projection that never comes back has no use for the
connection, and is not saved by this.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Protocol


class Cuttable(Protocol):
    """What `consumer.database.Database` is to this module."""

    def cut(self) -> None:
        """Break the connection, whoever waits for it; from any thread."""
        ...


@contextmanager
def watching(database: Cuttable, seconds: Sequence[float]) -> Iterator[None]:
    """Cut the database's connection after each of these many seconds, unless the block has ended.

    Costs a thread, some 0.1 ms.
    """
    ended = Event()
    watcher = Thread(target=_watch, args=(database, seconds, ended), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()


def cuts(remaining: float, *, reserve: float, connect: float) -> list[float]:
    """When to cut, in seconds from now: once with time left to connect anew and take the marker
    back, and once more if that hangs too.
    """
    spare = min(reserve + connect, remaining / 2)
    return [remaining - spare, remaining - min(reserve, spare) / 2]


def _watch(database: Cuttable, seconds: Sequence[float], ended: Event) -> None:
    waited = 0.0
    for at in seconds:
        if ended.wait(at - waited):
            return
        waited = at
        database.cut()
