import time
from pathlib import Path

import msgspec
import pytest

from local.environments.function import Function
from local.environments.in_process import InProcess
from local.environments.process import ChildProcess
from local.environments.rie import RuntimeInterfaceEmulator, is_installed

CODE = Path(__file__).parent / "code"


@pytest.fixture
def function():
    return Function(
        name="conformance",
        handler="environment_handler.handler",
        timeout_seconds=10,
        memory_mb=512,
        environment={"GREETING": "hello"},
        code=CODE,
    )


@pytest.fixture
def started():
    """Environments that the test started; all are stopped at its end."""
    environments = []
    yield environments
    for environment in environments:
        environment.stop()


def _start(kind, function, log, started):
    if kind == "rie" and not is_installed():
        pytest.skip("the runtime interface emulator is not installed (make setup; Linux only)")
    make = {
        "in_process": lambda: InProcess(function),
        "process": lambda: ChildProcess(function, log=log),
        "rie": lambda: RuntimeInterfaceEmulator(function, log=log),
    }[kind]
    environment = make()
    started.append(environment)
    return environment


@pytest.fixture
def log(tmp_path):
    return tmp_path / "environment.log"


def _starter(request, function, log, started, monkeypatch):
    monkeypatch.syspath_prepend(str(CODE))  # what `code` is to the ones with a process of their own

    def start(**changes):
        changed = msgspec.structs.replace(function, **changes)
        return _start(request.param, changed, log, started)

    return start


@pytest.fixture(params=["in_process", "process", "rie"])
def start(request, function, log, started, monkeypatch):
    """Starts an environment of each kind; keywords change the function."""
    return _starter(request, function, log, started, monkeypatch)


@pytest.fixture(params=["process", "rie"])
def start_isolated(request, function, log, started, monkeypatch):
    """Starts an environment of each kind that has a process of its own."""
    return _starter(request, function, log, started, monkeypatch)


@pytest.fixture
def until_exists():
    """Waits for a file that a handler leaves."""

    def wait(path, seconds=10.0):
        deadline = time.monotonic() + seconds
        while not path.exists():
            assert time.monotonic() < deadline, f"{path.name} does not come"
            time.sleep(0.005)

    return wait
