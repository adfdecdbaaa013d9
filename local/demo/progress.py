"""What the demo shows while it runs: how much was sent and applied, how fast, how far behind."""

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

_EVERY_SECONDS = 0.25
_PLAIN_EVERY_SECONDS = 5.0
_RATE_OVER_SECONDS = 3.0


class Figures(NamedTuple):
    """The state of a run in numbers. `behind` counts records the mapping has not finished, and
    `lag_ms` is the age of the oldest of them.
    """

    sent: int
    applied: int
    parked: int
    duplicates: int
    behind: int
    lag_ms: int


class ProgressDisplay:
    """Bars on a terminal, a line every few seconds elsewhere; updated by a thread of its own."""

    def __init__(self, console: Console, total: int, figures: Callable[[], Figures]) -> None:
        self._console = console
        self._figures = figures
        self._recent: deque[tuple[float, Figures]] = deque()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-progress")
        self._progress = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(bar_width=32),
            TextColumn("{task.completed:>9,.0f} of {task.total:,.0f}"),
            TextColumn("{task.fields[note]}"),
            console=console,
            auto_refresh=False,
            disable=not console.is_terminal,
        )
        self._sent = self._progress.add_task("sent", total=total, note="")
        self._applied = self._progress.add_task("applied", total=total, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        self._show(self._figures())
        self._progress.stop()

    def _run(self) -> None:
        plain_at = time.monotonic() + _PLAIN_EVERY_SECONDS
        while not self._done.wait(_EVERY_SECONDS):
            figures = self._figures()
            self._show(figures)
            if not self._console.is_terminal and time.monotonic() >= plain_at:
                plain_at += _PLAIN_EVERY_SECONDS
                self._console.print(
                    f"sent {figures.sent:,}  applied {figures.applied:,}  {self._note(figures)}"
                )

    def _show(self, figures: Figures) -> None:
        self._recent.append((time.monotonic(), figures))
        while self._recent[-1][0] - self._recent[0][0] > _RATE_OVER_SECONDS:
            self._recent.popleft()
        self._update(self._sent, figures.sent, f"{self._rate('sent'):>7,.0f}/s")
        note = f"{self._rate('applied'):>7,.0f}/s  {self._note(figures)}"
        self._update(self._applied, figures.applied, note)
        self._progress.refresh()

    def _update(self, task: TaskID, completed: int, note: str) -> None:
        self._progress.update(task, completed=completed, note=note)

    def _rate(self, name: str) -> float:
        (began, first), (now, last) = self._recent[0], self._recent[-1]
        done: int = getattr(last, name) - getattr(first, name)
        return done / (now - began) if now > began else 0.0

    @staticmethod
    def _note(figures: Figures) -> str:
        return (
            f"parked {figures.parked:,}  duplicates {figures.duplicates:,}  "
            f"behind {figures.behind:,} ({figures.lag_ms / 1_000:.1f} s)"
        )
