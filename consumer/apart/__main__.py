"""A process apart, seen from inside: `python -m consumer.apart SOCKET`.

It is told once what to do, says where it is and what it has committed, and ends. It ends with its
parent, whatever holds its interpreter: the kernel sees to that where it can, a thread that notices
the other end of the socket gone where not, and an alarm at the end of its time in any case.
"""

import contextlib
import ctypes
import faulthandler
import logging
import os
import pickle
import resource
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

from consumer import projection
from consumer.apart.process import Commission
from consumer.apart.telling import Tell, Telling
from consumer.apart.witness import Inside
from consumer.attempts import Attempts, Interrupted
from consumer.database import Database
from consumer.overrun import STANDARD_ERROR, Overrun
from consumer.transaction import TransactionFailed
from consumer.watchdog import cuts, watching

log = logging.getLogger(__name__)

_ORPHANED = 88
_PR_SET_PDEATHSIG = 1
_SPARE = 16 * 1024 * 1024


def main(fd: int) -> None:
    """Do what the parent asks for."""
    connection = Connection(fd)
    commission: Commission = pickle.loads(connection.recv_bytes())  # noqa: S301 - our own parent's
    _end_with(commission.parent)
    Thread(target=_end_after, args=(connection,), daemon=True).start()
    faulthandler.dump_traceback_later(commission.seconds, exit=True, file=STANDARD_ERROR)
    tell = Tell(lambda kind, told: connection.send_bytes(pickle.dumps((kind, told))))
    tell.ended(_do(commission, tell))


def _do(commission: Commission, tell: Tell) -> Interrupted | None:
    given = commission.settings
    ends = time.monotonic() + commission.seconds
    database = Database(given, pipelines=given.pipeline)
    watched = Telling(projection.find(given.projection), tell)
    overrun = Overrun(watched, database, commission.longest, apart=True)
    attempts = Attempts(
        database, watched, lambda: ends - time.monotonic(), given.reserve_seconds, commission.code
    )
    _bound_memory(commission.memory)
    reserve, connect = given.reserve_seconds, given.connect_seconds
    try:
        with watching(
            database, cuts(attempts.remaining(), reserve=reserve, connect=connect), overrun
        ):
            commission.work.do(Inside(attempts, tell.at, tell.say))
    except Interrupted as interrupted:
        return interrupted
    except TransactionFailed as failed:
        return Interrupted(failed.fault, str(failed))
    except (MemoryError, SystemExit) as death:
        # By its class only: the message is the projection's, and may quote the event.
        log.error("this process ends: %s", type(death).__name__)  # noqa: TRY400
        os._exit(1)
    finally:
        database.close()
    return None


def _end_with(parent: int) -> None:
    """Be killed by the kernel when the thread that waits for this process is gone (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before that
            os._exit(_ORPHANED)


def _end_after(parent: Connection) -> None:
    """The parent says nothing more: whatever comes is its end."""
    with contextlib.suppress(EOFError, OSError):
        parent.recv_bytes()
    os._exit(_ORPHANED)


def _bound_memory(most: int | None) -> None:
    """What outgrows the function's memory fails here, and does not take the parent with it: this
    process may grow by what is left, and is the first to go if that is not enough.
    """
    if most is None:
        return
    status = Path("/proc/self/status").read_text()
    sizes = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    used = {name: int(sizes[name].split()[0]) * 1024 for name in ("VmData", "VmRSS")}
    room = max(most - used["VmRSS"] - _SPARE, _SPARE)
    resource.setrlimit(resource.RLIMIT_DATA, (used["VmData"] + room,) * 2)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="apart: %(levelname)s %(message)s")
    main(int(sys.argv[1]))
