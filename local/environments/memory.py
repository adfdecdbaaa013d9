"""How much memory a process uses, with all that it has started."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path


def resident_bytes(pid: int) -> int:
    """The resident memory of a process and its descendants, 0 once they have ended."""
    if not Path("/proc/self").exists():
        return _asked(pid)
    return sum(map(_resident, _tree(pid)))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in children:
        yield from _tree(int(child))


def _resident(pid: int) -> int:
    try:
        statm = Path(f"/proc/{pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0


def _asked(pid: int) -> int:
    command = ["/bin/ps", "-o", "rss=", "-p", str(pid)]
    kilobytes = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return int(kilobytes or 0) * 1024
