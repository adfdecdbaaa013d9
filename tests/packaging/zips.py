"""Building a function the way `sam build` does, and zipping it the way `sam deploy` does."""

import os
import platform
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.environments import bytecode

ROOT = Path(__file__).resolve().parents[2]
LAMBDA_VERSION = "3.13"

ZIPS = {
    "producer": "producer",
    "consumer": "consumer",
    "redrive": "consumer",
    "auditor": "consumer",
    "migrator": "migrations",
    "controller": "controller",
    "settings": "migrations",
}
"""Each function, and the folder its zip is made of; `test_makefile` holds the rules to it."""

BUILT_AS = {
    "consumer": "consumer",
    "producer": "producer",
    "migrations": "migrator",
    "controller": "controller",
}
"""Each folder, and the function whose make rule builds it for the tests."""

SHARED = {
    "consumer": ("contract", "login"),
    "producer": ("contract",),
    "migrations": ("contract", "login"),
    "controller": ("contract",),
}
"""Each folder, and those that its zip has besides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LambdaPython:
    executable: Path
    version: str

    @property
    def is_lambdas(self) -> bool:
        return self.version == LAMBDA_VERSION


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A function's unpacked zip."""

    name: str
    folder: Path

    def files(self) -> list[str]:
        """Every file, with `/`, relative to the zip's root."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in found)

    def zipped(self, to: Path) -> Path:
        with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in self.files():
                archive.write(self.folder / name, name)
        return to


def find_lambda_python() -> LambdaPython:
    found = bytecode.find(LAMBDA_VERSION)
    if found is not None:
        return LambdaPython(executable=found, version=LAMBDA_VERSION)
    running = Path(sys.executable)
    return LambdaPython(executable=running, version=bytecode.version_of(running) or "unknown")


def build(name: str, folder: Path, python: LambdaPython | None = None) -> Built:
    """Run the make rule for a folder: for Lambda, or for this machine and the Python given."""
    target = f"build-{BUILT_AS[name].capitalize()}Function"
    here = {} if python is None else _this_machine(python)
    environment = {key: value for key, value in os.environ.items() if "MAKE" not in key}
    done = subprocess.run(
        ["make", target],
        cwd=ROOT,
        env={**environment, "ARTIFACTS_DIR": str(folder), **here},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return Built(name=name, folder=folder)


def _this_machine(python: LambdaPython) -> dict[str, str]:
    if sys.platform != "linux":
        pytest.skip("a zip for Lambda runs on Linux only")
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {"ARCHITECTURE": architecture, "LAMBDA_PYTHON": python.version}
