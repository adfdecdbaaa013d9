"""Whose fault an error is. Blame needs proof: an outage must never look like a poisoned event.

Nothing here parks an event. `DATA` only says that it may be one: careful mode then finds the one
that fails alone, and while it applies no other, the count of failing orders (`deploys`) bounds how
many can be parked for what is everybody's trouble. What the SQLSTATE classes say (PostgreSQL
documentation, Appendix A):

| class | is about | in our own statements | in the projection's, and at commit |
|---|---|---|---|
| 08 25 40 53 55 57 58 72 HV | connection, server, other sessions | transient | transient |
| 22 | values | data | data |
| 0A 0B 0F 0L 0P 0Z 24 26 28 2B | statements, schema, privileges, | stop | stop |
| 2D 34 3B 3D 3F 42 F0 XX | settings, PostgreSQL itself | | |
| 23 | a constraint; if ours, a lock failed | stop | data |
| 09 20 21 27 2F 38 39 44 54 P0 | rows, and what triggers and functions | stop | data |
| and any other | make of them; others are their author's | | |

A value that psycopg cannot put into a parameter is data too. Row-level security says 42501, as a
missing grant does: what it refuses stops everything.
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


_TRANSIENT = frozenset(("08", "25", "40", "53", "55", "57", "58", "72", "HV"))
_STOP = frozenset(
    ("0A", "0B", "0F", "0L", "0P", "0Z", "24", "26", "28", "2B", "2D", "34", "3B", "3D", "3F")
) | {"42", "F0", "XX"}
_VALUES = "22"
_QUOTES_NO_VALUE = ("08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58")
_NAMES = ("table", "column", "constraint")


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
    about = error.sqlstate[:2]
    if about in _TRANSIENT:
        return Fault.TRANSIENT
    if phase is Phase.OTHER:
        return Fault.DATA if about == _VALUES else Fault.STOP
    return Fault.STOP if about in _STOP else Fault.DATA


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


def outline(error: BaseException) -> str:
    """What a log line may say of an error: SQLSTATE or class, and its first line only where that
    cannot quote a value that came with an event. The parking lot has the whole of it.
    """
    state = getattr(error, "sqlstate", None)
    if isinstance(error, InorderError) or (state or "").startswith(_QUOTES_NO_VALUE):
        return describe(error)
    if isinstance(error, psycopg.Error) and state:
        named = (getattr(error.diag, f"{name}_name") for name in _NAMES)
        return f"{state}: {' '.join([type(error).__name__, *filter(None, named)])}"
    if isinstance(error, psycopg.OperationalError):  # of the connection, or the way to it
        return describe(error)
    said = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    return f"{type(error).__name__}{said}"
