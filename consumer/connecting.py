"""A connection that may be used: made, prepared for columns, and asked whether it forgets."""

from pathlib import Path

import psycopg

from consumer import arrays
from consumer.connection import Timed
from consumer.faults import NotDurable
from consumer.sql import read_statements
from login.connecting import parameters
from login.failures import SecretUnavailable
from login.settings import DatabaseSettings

_SQL = read_statements(Path(__file__).with_name("queries.sql"))


def connect(settings: DatabaseSettings) -> Timed:
    """A new connection; raises `psycopg.Error`, `NotDurable`, `BadSetting` or `SecretRefused`."""
    return checked(reach(settings))


def reach(settings: DatabaseSettings) -> Timed:
    """A connection to whatever answers there."""
    try:
        given = parameters(settings)
    except SecretUnavailable as error:
        # As good as a database that does not answer, and as transient.
        raise psycopg.OperationalError(str(error)) from error
    connection = Timed.connect(autocommit=True, prepare_threshold=None, **given)
    arrays.prepare(connection)
    return connection


def checked(connection: Timed) -> Timed:
    """The same, unless it may not be used: then it is closed, and an error raised."""
    try:
        _refuse_what_forgets(connection)
    except BaseException:
        # Not left to the garbage collector: until then it is one too many.
        connection.close()
        raise
    return connection


def _refuse_what_forgets(connection: Timed) -> None:
    """A commit that may be forgotten breaks the first promise: better not to begin."""
    with connection.transaction(), connection.cursor() as cursor:
        found = cursor.execute(_SQL["connection_state"]).fetchone() or ("unknown", False)
        synchronous_commit, in_recovery = found
    if in_recovery:
        raise psycopg.OperationalError("connected to a read-only replica")
    if synchronous_commit == "off":
        raise NotDurable("synchronous_commit is off for this role or database: set it to on")
