"""Runs the demo as a user does, in a process of its own."""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[3]
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "CI")


class Demo:
    """A demo that runs, and what it printed so far."""

    def __init__(self, report: Path, cwd: Path, **variables: str) -> None:
        self.report_file = report
        self.output = ""
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "local.demo"],
            cwd=cwd,
            env=environment
            | {"PYTHONPATH": str(PROJECT), "REPORT": str(report), "COLUMNS": "160"}
            | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self._lines = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._lines:
                self.output += line
                self._lines.notify_all()

    def wait_for(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """The first match of a pattern in the output, waited for."""
        deadline = time.monotonic() + seconds
        with self._lines:
            while (match := re.search(pattern, self.output)) is None:
                left = deadline - time.monotonic()
                assert left > 0, f"no {pattern!r} in:\n{self.output}"
                assert self.process.poll() is None or self._reader.is_alive(), self.output
                self._lines.wait(min(left, 1))
            return match

    def finish(self, seconds: float = 120) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(seconds)
        self._reader.join(10)
        return code

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.report_file.read_text())


@contextlib.contextmanager
def demo(folder: Path, *, cwd: Path = PROJECT, **variables: str) -> Iterator[Demo]:
    """A running demo, ended by its own process ID at the end of the block."""
    running = Demo(folder / "report.json", cwd, **variables)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(60)
        running.process.stdout.close()


def children_of(pid: int) -> set[int]:
    """The living descendants of a process, by the parents that /proc tells."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            text = status.read_text()
            parents[int(status.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def left_of(pids: set[int], *, seconds: float) -> set[int]:
    """Which of these processes still run after so many seconds; what only waits to be reaped by
    its parent has ended.
    """
    until = time.monotonic() + seconds
    while (left := {pid for pid in pids if _runs(pid)}) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _runs(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
