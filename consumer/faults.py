"""Whose fault an error is. Blame needs proof: an outage must never look like a poisoned event.

Only what PostgreSQL says of the values themselves blames an event: SQLSTATE class 22 (data
exception) or 23 (integrity constraint violation, only while the projection loads or saves, or at
the commit, where its deferred constraints are checked); so does a value that psycopg cannot put
into a parameter. Everything else is about the database, the network or the configuration
(PostgreSQL documentation, Appendix A).
"""

from enum import Enum, auto

import psycopg

from contract import InorderError


class Fault(Enum):
    """What an error is taken for, and so what happens next."""

    DATA = auto()
    """Some event's values: careful mode finds which."""

    TRANSIENT = auto()
    """The database or the way to it: try again, nothing is parked."""

    STOP = auto()
    """Configuration or code: no event is to blame and waiting does not help; nothing is parked."""


class Phase(Enum):
    """What the transaction was doing."""

    LOAD = auto()
    SAVE = auto()
    COMMIT = auto()
    OTHER = auto()


class NotDurable(InorderError):
    """The database would forget commits: synchronous_commit is off for this role or database."""


_TRANSIENT_CLASSES = ("08", "25", "40", "53", "55", "57", "58")
_DATA_CLASSES = {
    Phase.LOAD: ("22", "23"),
    Phase.SAVE: ("22", "23"),
    Phase.COMMIT: ("22", "23"),
    # A constraint of our own tables that fails means that a lock did, which is no event's fault.
    Phase.OTHER: ("22",),
}


def judge(error: Exception, phase: Phase) -> Fault:
    """Classify what was raised in a transaction.

    psycopg raises 25006 after a failover as `InternalError`, so the SQLSTATE decides and not the
    class. Without one, a connection that broke is an `OperationalError` or `InterfaceError`, and
    a value that no parameter can hold a `DataError`. What Python itself raises while the
    projection loads or saves is taken for the data of one order (and psycopg's `ProgrammingError`,
    which also says that a value has a type that no parameter takes), but for an `OSError`, which
    is the network's or the disk's, and a `MemoryError`, which is everybody's.
    """
    if isinstance(error, OSError):
        return Fault.TRANSIENT
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return _without_state(error, phase)
    if error.sqlstate.startswith(_TRANSIENT_CLASSES):
        return Fault.TRANSIENT
    return Fault.DATA if error.sqlstate.startswith(_DATA_CLASSES[phase]) else Fault.STOP


def _without_state(error: Exception, phase: Phase) -> Fault:
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Fault.TRANSIENT
    if isinstance(error, psycopg.DataError):
        return Fault.DATA
    blames = phase in (Phase.LOAD, Phase.SAVE) and not isinstance(error, MemoryError)
    return Fault.DATA if blames else Fault.STOP


def describe(error: BaseException) -> str:
    """One line about an error: its SQLSTATE or class, and its first line, without parameters."""
    state = getattr(error, "sqlstate", None)
    first = str(error).strip().partition("\n")[0].rstrip()
    return f"{state or type(error).__name__}: {first}"
