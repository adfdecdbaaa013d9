"""Row locks: who holds one, who waits for it, who waits in a circle.

As PostgreSQL does it: a lock lasts until its transaction ends; those who wait are served in the
order of their coming; a circle is broken by failing the one that closes it (40P01); `lock_timeout`
fails one that waits too long (55P03). PostgreSQL looks for circles after `deadlock_timeout`, this
one at once: who loses is left open by the manual either way.
"""

from collections.abc import Callable, Hashable
from typing import TypeAlias

from psycopg import errors

from tests.simulation.loop import Loop, Task

Row: TypeAlias = tuple[str, Hashable]
"""A table's name and the row's key in it."""


class Locks:
    """Locks of whole rows; `owner` is whatever names a transaction."""

    def __init__(self, loop: Loop, timeout_ms: int) -> None:
        self._loop = loop
        self._timeout = timeout_ms
        self._holders: dict[Row, object] = {}
        self._queues: dict[Row, list[tuple[Task, int]]] = {}
        self._wanted: dict[object, Row] = {}
        self._waiters: dict[object, tuple[Task, int]] = {}
        self.waits = 0
        self.on_deadlock: Callable[[], None] = lambda: None

    def holder(self, row: Row) -> object | None:
        return self._holders.get(row)

    def take(self, owner: object, row: Row) -> bool:
        """Lock the row; True if that was new to this owner."""
        while (holder := self._holders.get(row)) is not None:
            if holder is owner:
                return False
            self.wait(owner, row)
        self._holders[row] = owner
        return True

    def wait(self, owner: object, row: Row) -> None:
        """Wait until the row's holder has ended, once; it may have another one then."""
        self._wanted[owner] = row
        if self._closes_circle(owner):
            del self._wanted[owner]
            self.on_deadlock()
            raise errors.DeadlockDetected("deadlock detected")
        self.waits += 1
        task = self._loop.running
        turn = task.turn
        deadline = self._loop.now + self._timeout
        self._queues.setdefault(row, []).append((task, turn))
        self._loop.at(deadline, lambda: task.resume(turn))
        self._waiters[owner] = task, turn
        try:
            task.pause()
        finally:
            del self._wanted[owner]
            cut = self._waiters.pop(owner, None) is None
        queue = self._queues.get(row, [])
        if cut:
            raise errors.AdminShutdown("terminating connection due to administrator command")
        if (task, turn) in queue:
            queue.remove((task, turn))
            raise errors.LockNotAvailable("canceling statement due to lock timeout")

    def release(self, owner: object, rows: list[Row]) -> None:
        """The owner has ended: whoever waits for one of its rows looks again, itself included."""
        if (waiter := self._waiters.pop(owner, None)) is not None:
            self._loop.after(0, lambda: waiter[0].resume(waiter[1]))
        for row in rows:
            if self._holders.get(row) is owner:
                del self._holders[row]
            for task, turn in self._queues.pop(row, ()):
                self._loop.after(0, lambda task=task, turn=turn: task.resume(turn))

    def waits_for_lock(self, owner: object) -> bool:
        return owner in self._wanted

    def _closes_circle(self, owner: object) -> bool:
        follower: object | None = owner
        while follower is not None and (row := self._wanted.get(follower)) is not None:
            follower = self._holders.get(row)
            if follower is owner:
                return True
        return False
