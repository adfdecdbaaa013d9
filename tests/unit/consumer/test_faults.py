"""Whose fault an error is: only values are ever to blame."""

import psycopg
import pytest
from psycopg import errors

from consumer.faults import Fault, Phase, describe, judge

EVERYWHERE = list(Phase)


def raised(state: str) -> psycopg.Error:
    """What psycopg raises for this SQLSTATE, also for one that it does not know."""
    made = errors._class_for_state(state)("the server's words")
    made.sqlstate = state
    return made


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
        ("F0000", Fault.STOP),
        ("72000", Fault.TRANSIENT),  # snapshot too old
        ("HV00N", Fault.TRANSIENT),  # a foreign server is away
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


@pytest.mark.parametrize(
    "state",
    [
        *("23505", "23514", "23502", "23503"),
        "54000",  # an index row larger than a page
        "54001",  # a trigger that calls itself too often
        "44000",  # a view's check option
        "21000",  # more than one row where one is expected
        *("P0001", "P0002", "P0003", "P0004"),  # a trigger raised, found no row, too many, asserts
        *("20000", "2F005"),  # PL/pgSQL: no case matches, no return
        *("38000", "39004"),  # PL/Python and others
        *("09000", "27000"),
        *("ORD01", "99001"),  # codes that a trigger's author thought of
    ],
)
@pytest.mark.parametrize(
    ("phase", "fault"),
    [
        (Phase.LOAD, Fault.DATA),
        (Phase.SAVE, Fault.DATA),
        (Phase.COMMIT, Fault.DATA),
        (Phase.OTHER, Fault.STOP),
    ],
)
def test_what_one_row_can_raise_is_data_unless_the_table_is_our_own(state, phase, fault):
    assert judge(raised(state), phase) is fault


def test_the_classes_of_the_appendix_that_are_about_rows():
    """Each of the others is said to be transient or to stop."""
    states = [code for code in errors._sqlcodes if len(code) == 5 and code[2:].strip("0") == ""]
    of_rows = {state[:2] for state in states if judge(raised(state), Phase.SAVE) is Fault.DATA}
    known = ("02", "03", "09", "20", "21", "22", "23", "27", "2F", "38", "39", "44", "54")
    assert of_rows == {*known, "P0"}


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
