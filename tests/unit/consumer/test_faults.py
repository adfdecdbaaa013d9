"""Whose fault an error is: only values are ever to blame."""

import psycopg
import pytest
from psycopg import errors

from consumer.faults import Fault, Phase, describe, judge

EVERYWHERE = list(Phase)


def raised(state: str) -> psycopg.Error:
    """What psycopg raises for this SQLSTATE."""
    return errors.lookup(state)("the server's words")


@pytest.mark.parametrize("phase", EVERYWHERE)
@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("25006", Fault.TRANSIENT),  # read-only after a failover: an InternalError
        ("25P03", Fault.TRANSIENT),  # idle in transaction timeout
        ("57014", Fault.TRANSIENT),  # statement timeout
        ("57P01", Fault.TRANSIENT),  # terminated by an administrator
        ("57P03", Fault.TRANSIENT),  # starting up
        ("53300", Fault.TRANSIENT),  # too many connections
        ("53200", Fault.TRANSIENT),  # out of memory
        ("55P03", Fault.TRANSIENT),  # lock timeout
        ("40001", Fault.TRANSIENT),
        ("40P01", Fault.TRANSIENT),
        ("08006", Fault.TRANSIENT),
        ("58030", Fault.TRANSIENT),  # input/output error
        ("28000", Fault.STOP),
        ("28P01", Fault.STOP),
        ("42P01", Fault.STOP),  # no such table
        ("42501", Fault.STOP),  # no privilege
        ("3D000", Fault.STOP),
        ("0A000", Fault.STOP),
        ("XX000", Fault.STOP),
        ("P0001", Fault.STOP),  # raised by a trigger
        ("54001", Fault.STOP),  # stack depth
    ],
)
def test_trap_7_nothing_but_values_is_ever_to_blame(state, fault, phase):
    assert judge(raised(state), phase) is fault


def test_trap_7_psycopg_raises_a_read_only_node_as_an_internal_error():
    assert issubclass(errors.lookup("25006"), psycopg.InternalError)


@pytest.mark.parametrize("phase", EVERYWHERE)
@pytest.mark.parametrize("state", ["22003", "22021", "22P02", "22008"])
def test_values_are_data_wherever_they_are_written(state, phase):
    assert judge(raised(state), phase) is Fault.DATA


@pytest.mark.parametrize("state", ["23505", "23514", "23502", "23503"])
@pytest.mark.parametrize(
    ("phase", "fault"),
    [
        (Phase.LOAD, Fault.DATA),
        (Phase.SAVE, Fault.DATA),
        (Phase.COMMIT, Fault.DATA),
        (Phase.OTHER, Fault.STOP),
    ],
)
def test_a_constraint_is_data_unless_it_is_our_own(state, phase, fault):
    assert judge(raised(state), phase) is fault


@pytest.mark.parametrize("phase", EVERYWHERE)
@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (psycopg.OperationalError("the connection is lost"), Fault.TRANSIENT),
        (psycopg.InterfaceError("the connection is closed"), Fault.TRANSIENT),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL"), Fault.DATA),
        (MemoryError(), Fault.STOP),
        (ConnectionResetError(), Fault.TRANSIENT),
        (TimeoutError(), Fault.TRANSIENT),
    ],
)
def test_errors_that_no_server_sent(error, fault, phase):
    assert judge(error, phase) is fault


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        KeyError("x"),
        UnicodeEncodeError("a", "", 0, 1, ""),
        psycopg.ProgrammingError("cannot adapt type 'dict'"),
    ],
)
@pytest.mark.parametrize(
    ("phase", "fault"),
    [
        (Phase.LOAD, Fault.DATA),
        (Phase.SAVE, Fault.DATA),
        (Phase.COMMIT, Fault.STOP),
        (Phase.OTHER, Fault.STOP),
    ],
)
def test_what_python_raises_is_data_only_in_the_projection(error, phase, fault):
    assert judge(error, phase) is fault


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (raised("22003"), "22003: the server's words"),
        (errors.UniqueViolation("first\nDETAIL: second"), "23505: first"),
        (ValueError("  words \n more"), "ValueError: words"),
        (KeyError(), "KeyError: "),
    ],
)
def test_an_error_in_one_line(error, line):
    assert describe(error) == line
