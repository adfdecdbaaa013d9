"""`pytest -p tests.pooled.plugin`: the suite with every statement recorded, and through pgbouncer.

Where there is no pgbouncer it is recorded alone, and a line at the end says so; in CI that is an
error. With `--said` what was said is kept in a folder, so that several processes may share the
suite, and one after them judges all of it.
"""

import os
from pathlib import Path

import msgspec
import pytest

from local.postgres import temporary_folder
from tests.pooled.pgbouncer import SERVER_CONNECTIONS, executable
from tests.pooled.wire import Said, Wire

_CONSUMER = "tests/integration/consumer"
_OUTAGES = f"{_CONSUMER}/test_outages_park_nothing.py"
_REDRIVE = "tests/integration/redrive"
NOT_POOLED = {
    f"{_CONSUMER}/test_server_crashes.py": "what is cut would be the pooler's connection",
    f"{_CONSUMER}/test_cut_connections.py": "what is cut would be the pooler's connection",
    f"{_CONSUMER}/test_round_trips.py": "what is counted would be the pooler's round trips",
    f"{_CONSUMER}/test_early.py": "who is away, or is terminated, would be the pooler",
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


def pytest_addoption(parser):
    parser.addoption("--said", type=Path, help="a folder that keeps what was said")


def pytest_configure(config):
    if executable() is None and os.environ.get("CI"):
        raise pytest.UsageError("pgbouncer is missing, and in CI nothing is skipped")
    folder = config.stash[_FOLDER] = temporary_folder()
    wire = config.stash[WIRE] = Wire(Path(folder.name), pooled=executable() is not None)
    wire.install()


def pytest_sessionfinish(session):
    folder = session.config.getoption("--said")
    if folder is not None:
        said = session.config.stash[WIRE].said
        (folder / f"{os.getpid()}.json").write_bytes(msgspec.json.encode(said))


def everything_said(config) -> Said:
    """By this process, or by all that are finished and have kept it in the folder."""
    folder = config.getoption("--said")
    if folder is None:
        return config.stash[WIRE].said
    said = Said()
    for file in folder.glob("*.json"):
        said.add(msgspec.json.decode(file.read_bytes(), type=Said))
    return said


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
    said = everything_said(config)
    how = (
        f"through pgbouncer, {SERVER_CONNECTIONS} server connections, transaction pooling; "
        f"{len(NOT_POOLED)} recorded only"
        if executable()
        else "NOT through pgbouncer, which is not installed (apt-get install pgbouncer)"
    )
    terminalreporter.write_line(
        f"wire: {sum(said.statements.values())} statements, {len(said.statements)} different, on "
        f"{said.connections} connections; {how}"
    )
