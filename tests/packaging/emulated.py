"""A built function in the real Lambda runtime client, on the Lambda Python version."""

import contextlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from local.environments.function import Function
from local.environments.rie import RuntimeInterfaceEmulator, is_installed
from local.mapping.template import Template
from tests.packaging.transformed import EXTERNAL, TEXT
from tests.packaging.zips import Built, LambdaPython

_SDK = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")


def need_emulator() -> None:
    """Skip where the emulator cannot run or is not installed; in CI that is a failure."""
    if is_installed():
        return
    missing = "the Lambda runtime emulator is missing: run `make setup` (Linux only)"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def sdk_for(folder: Path) -> Path:
    """The SDK that Lambda's runtime has of its own, pure Python, and nothing else of ours."""
    folder.mkdir()
    for name in _SDK:
        found = importlib.util.find_spec(name)
        assert found is not None, name
        assert found.origin is not None, name
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


@contextlib.contextmanager
def emulated(
    name: str, built: Built, python: LambdaPython, tools: Path, variables: Mapping[str, str]
) -> Iterator[RuntimeInterfaceEmulator]:
    """One execution environment of the function, started by its first invocation.

    Its handler and its time are the template's, its environment what the test says.
    """
    declared = Template(TEXT, parameters=EXTERNAL).function(f"{name.capitalize()}Function")
    function = Function(
        name=name,
        handler=declared.handler,
        timeout_seconds=declared.timeout_seconds,
        memory_mb=1024,
        # Lambda's code folder is read-only: every cold start compiles what came without bytecode.
        environment={"PYTHONDONTWRITEBYTECODE": "1", **variables},
        code=built.folder,
    )
    log = tools / f"{name}.log"
    environment = RuntimeInterfaceEmulator(
        function, log=log, python=str(python.executable), tools=tools
    )
    try:
        yield environment
    finally:
        environment.stop()
