"""A built function in the real Lambda runtime client, on the Lambda Python version."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from local.environments.function import Function
from local.environments.install_rie import RUNTIME_CLIENT, RUNTIME_CLIENT_NEEDS
from local.environments.rie import TOOLS, RuntimeInterfaceEmulator, is_installed
from tests.packaging.zips import Built, LambdaPython


def need_emulator() -> None:
    """Skip where the emulator cannot run or is not installed; in CI that is a failure."""
    if is_installed():
        return
    missing = "the Lambda runtime emulator is missing: run `make setup` (Linux only)"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def runtime_client_for(python: LambdaPython, folder: Path) -> Path:
    """The emulator with a runtime client for that Python, as `local.environments` wants them."""
    (folder / "aws-lambda-rie").symlink_to(TOOLS / "aws-lambda-rie")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary=:all:", "--python-version", python.version),
            *("--target", str(folder / "runtime"), RUNTIME_CLIENT, *RUNTIME_CLIENT_NEEDS),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )
    return folder


@contextlib.contextmanager
def emulated(
    built: Built, python: LambdaPython, tools: Path, variables: Mapping[str, str]
) -> Iterator[RuntimeInterfaceEmulator]:
    """One execution environment of the function, started by its first invocation."""
    function = Function(
        name=built.name,
        handler=f"{built.name}.handler.handler",
        timeout_seconds=29,
        memory_mb=1024,
        # Lambda's code folder is read-only: every cold start compiles what came without bytecode.
        environment={"PYTHONDONTWRITEBYTECODE": "1", **variables},
        code=built.folder,
    )
    log = tools / f"{built.name}.log"
    environment = RuntimeInterfaceEmulator(
        function, log=log, python=str(python.executable), tools=tools
    )
    try:
        yield environment
    finally:
        environment.stop()
