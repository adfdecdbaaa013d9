"""`inorder`: the commands, and how they end.

Exit codes: 0 done; 1 done, and somebody has to look (a redrive stopped, the audit found faults);
2 it cannot be done as it was asked; 3 the database or AWS does not allow it now.
"""

import sys
from collections.abc import Sequence
from typing import NoReturn

import psycopg
from cyclopts import App

from consumer.attempts import Interrupted
from consumer.faults import NotDurable, describe
from contract import InorderError
from ops import audit, orders, parked, prune, redrive, status
from ops.doctor.facts import NoAws
from ops.output import complain

UNUSABLE = 2
UNAVAILABLE = 3
INTERRUPTED = 130

app = App(
    name="inorder",
    help="See what waits in the parking lot, decide about it, and prove that nothing is lost.",
    help_epilogue=(
        "The database is DATABASE_URL, or DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_AUTH as "
        "the consumer has them; PROJECTION is the consumer's. Exit codes: 0 done, 1 somebody has "
        "to look, 2 cannot be done as asked, 3 the database or AWS does not allow it now."
    ),
    version_flags=(),
)
app.command(status.status)
app.command(parked.app)
app.command(redrive.redrive)
app.command(orders.gap)
app.command(orders.head)
app.command(audit.audit)
app.command(prune.prune)
# By name: boto3 is slow to import.
app.command(
    "ops.concurrency:app",
    name="concurrency",
    help="See what the controller decides; pin, pause, and take it back.",
)
app.command(
    "ops.doctor.command:doctor",
    name="doctor",
    help="Look whether a deployed stack is what the design needs; changes nothing.",
)
app.command(
    "ops.send:send",
    name="send",
    help="Post events to the HTTP API with your AWS credentials, and show what it answers.",
)


def run(tokens: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's) and return its exit code."""
    try:
        code = app(tokens, result_action="return_value")
    except KeyboardInterrupt:
        complain("interrupted; what was committed stays")
        return INTERRUPTED
    except (InorderError, psycopg.Error, OSError) as error:
        complain(_problem(error))
        away = isinstance(error, Interrupted | NotDurable | NoAws | psycopg.OperationalError)
        return UNAVAILABLE if away else UNUSABLE
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """The process's entry point."""
    sys.exit(run())


def _problem(error: Exception) -> str:
    if isinstance(error, psycopg.OperationalError):
        return f"the database does not answer: {describe(error)}"
    if isinstance(error, psycopg.Error):
        return f"the database refused: {describe(error)}"
    if isinstance(error, OSError):
        return f"{error.filename or 'input'}: {error.strerror or error}"
    return str(error)
