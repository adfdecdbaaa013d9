"""Simulated time: a heap of what happens when, and tasks that take turns.

A task is a greenlet, so that the project's own code runs as it is, without `await`: it hands over
only where it would wait for the network or for a lock, in `sleep` and `Signal.wait`. One thing
happens at a time, the earliest first, and of two at the same millisecond the one planned first.
Nothing here reads a clock or draws a random number.
"""

import heapq
from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process that this task belongs to is gone. Not an `Exception`: nobody may catch it."""


class Loop:
    """The clock, in milliseconds, and everything that is going to happen."""

    def __init__(self) -> None:
        self.now = 0
        self.steps = 0
        self.current: Task | None = None
        self._hub = getcurrent()
        self._plan: list[tuple[int, int, Callable[[], None]]] = []
        self._planned = 0

    def at(self, when: int, action: Callable[[], None]) -> None:
        self._planned += 1
        heapq.heappush(self._plan, (max(when, self.now), self._planned, action))

    def after(self, milliseconds: int, action: Callable[[], None]) -> None:
        self._planned += 1
        heapq.heappush(self._plan, (self.now + milliseconds, self._planned, action))

    def spawn(self, run: Callable[[], Any], then: Callable[["Task"], None] | None = None) -> "Task":
        """Begin a task, at once unless a task asks; `then` gets it when it has ended by itself."""
        task = Task(self, run, then)
        if self.current is None:
            task.resume()
        else:
            self.after(0, task.resume)
        return task

    def step(self) -> bool:
        """Let the next thing happen; False when there is nothing left."""
        if not self._plan:
            return False
        self.now, _, action = heapq.heappop(self._plan)
        self.steps += 1
        action()
        return True

    def run_for(self, milliseconds: int) -> None:
        """Let everything happen that is planned for this long."""
        until = self.now + milliseconds
        while self._plan and self._plan[0][0] <= until:
            self.step()
        self.now = until

    def sleep(self, milliseconds: int) -> None:
        """Let the current task go on that much later."""
        task = self.running
        turn = task.turn
        self.after(milliseconds, lambda: task.resume(turn))
        task.pause()

    @property
    def running(self) -> "Task":
        if self.current is None:
            raise RuntimeError("only a task can wait")
        return self.current

    @property
    def idle(self) -> bool:
        return not self._plan


class Task:
    """One thread of execution; afterwards `result` or `error` says how it ended."""

    __slots__ = ("_greenlet", "_run", "_then", "dead", "done", "error", "loop", "result", "turn")

    def __init__(
        self, loop: Loop, run: Callable[[], Any], then: Callable[["Task"], None] | None
    ) -> None:
        self.loop = loop
        self.turn = 0
        self.dead = self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self._run = run
        self._then = then
        self._greenlet = greenlet(self._main, parent=loop._hub)

    def resume(self, turn: int | None = None) -> None:
        """Go on, if it still waits for this turn."""
        if self.done or self.dead or (turn is not None and turn != self.turn):
            return
        if self.loop.current is not None:
            raise RuntimeError("only the loop resumes tasks")
        self.loop.current = self
        self.turn += 1
        self._greenlet.switch()
        self.loop.current = None
        if self.done and self._then is not None:
            self._then(self)

    def pause(self) -> None:
        """Hand over until `resume`."""
        if self.dead:
            raise Killed
        self.loop._hub.switch()

    def kill(self) -> None:
        """End it where it stands. What it does on its way out reaches nobody (see `dead`)."""
        if self.done or self.dead:
            return
        self.dead = True
        if self.loop.current is self:
            raise Killed
        if self.loop.current is not None:
            raise RuntimeError("a task cannot kill another one: the loop does")
        self.loop.current = self
        self._greenlet.throw(Killed)
        self.loop.current = None

    def _main(self) -> None:
        try:
            self.result = self._run()
        except Killed:
            return
        except BaseException as error:  # noqa: BLE001 - the one who spawned it judges
            self.error = error
        self.done = not self.dead
