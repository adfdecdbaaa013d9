"""How much memory a process uses."""

import os
import subprocess
from pathlib import Path


def resident_bytes(pid: int) -> int:
    """The resident memory of a process, 0 once it has ended."""
    statm = Path(f"/proc/{pid}/statm")
    try:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return 0 if Path("/proc/self").exists() else _asked(pid)
    except (ProcessLookupError, IndexError):
        return 0


def _asked(pid: int) -> int:
    command = ["/bin/ps", "-o", "rss=", "-p", str(pid)]
    kilobytes = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return int(kilobytes or 0) * 1024
