"""`pytest -p tests.pooled.plugin`: the suite with every statement recorded, and through pgbouncer.

Where there is no pgbouncer it is recorded alone, and a line at the end says so; in CI that is an
error.
"""

import os
from pathlib import Path

import pytest

from local.postgres import temporary_folder
from tests.pooled.pgbouncer import SERVER_CONNECTIONS, executable
from tests.pooled.wire import Wire

_CONSUMER = "tests/integration/consumer"
_OUTAGES = f"{_CONSUMER}/test_outages_park_nothing.py"
_REDRIVE = "tests/integration/redrive"
NOT_POOLED = {
    f"{_CONSUMER}/test_server_crashes.py": "what is cut would be the pooler's connection",
    f"{_CONSUMER}/test_cut_connections.py": "what is cut would be the pooler's connection",
    f"{_CONSUMER}/test_round_trips.py": "what is counted would be the pooler's round trips",
    f"{_OUTAGES}::test_trap_7_idle_in_a_transaction_too_long": (
        "a setting of the role reaches the pooler's next connection"
    ),
    f"{_OUTAGES}::test_trap_7_terminated_by_an_administrator": (
        "who is terminated has another connection of the pooler's by then"
    ),
    f"{_REDRIVE}/test_beside_live_traffic.py::test_an_order_that_somebody_holds": (
        "a setting of the database reaches the pooler's next connection"
    ),
}
"""Tests of the connection itself, which a pooler between would turn into tests of the pooler, and
why: these are recorded only."""

WIRE = pytest.StashKey[Wire]()
_FOLDER = pytest.StashKey()


def pytest_configure(config):
    if executable() is None and os.environ.get("CI"):
        raise pytest.UsageError("pgbouncer is missing, and in CI nothing is skipped")
    folder = config.stash[_FOLDER] = temporary_folder()
    wire = config.stash[WIRE] = Wire(Path(folder.name), pooled=executable() is not None)
    wire.install()


def pytest_unconfigure(config):
    config.stash[WIRE].remove()
    config.stash[_FOLDER].cleanup()


@pytest.fixture(autouse=True)
def _pooled_or_not(request):
    """Some tests are about the connection itself."""
    wire = request.config.stash[WIRE]
    before = wire.pooled
    if any(request.node.nodeid.startswith(name) for name in NOT_POOLED):
        wire.pooled = False
    yield
    wire.pooled = before


def pytest_terminal_summary(terminalreporter, config):
    wire = config.stash[WIRE]
    how = (
        f"through pgbouncer, {SERVER_CONNECTIONS} server connections, transaction pooling; "
        f"{len(NOT_POOLED)} recorded only"
        if executable()
        else "NOT through pgbouncer, which is not installed (apt-get install pgbouncer)"
    )
    terminalreporter.write_line(
        f"wire: {sum(wire.statements.values())} statements, {len(wire.statements)} different, on "
        f"{wire.connections} connections; {how}"
    )
