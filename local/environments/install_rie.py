"""Installs Lambda's runtime interface emulator and runtime client: `python -m
local.environments.install_rie`.

The emulator is the one file that matters here of the SAM CLI's wheel; the runtime client is the
package of the real runtime. Both land in `.tools/rie`, for this machine's architecture.
"""

import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from local.environments.rie import TOOLS, RieUnavailable

SAM_CLI = "aws-sam-cli==1.170.0"
RUNTIME_CLIENT = "awslambdaric==4.2.2"
RUNTIME_CLIENT_NEEDS = ("simplejson==4.3.0", "snapshot-restore-py==1.0.0")

_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def install(tools: Path = TOOLS) -> None:
    """Fill `tools`; raises `RieUnavailable` where the emulator cannot run."""
    architecture = _ARCHITECTURES.get(platform.machine().lower())
    if architecture is None or not sys.platform.startswith("linux"):
        raise RieUnavailable(f"there is no emulator for {sys.platform} on {platform.machine()}")
    tools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        _pip("download", "--no-deps", "--dest", folder, SAM_CLI)
        (wheel,) = Path(folder).glob("aws_sam_cli-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            binary = archive.read(f"samcli/local/rapid/aws-lambda-rie-{architecture}")
    target = tools / "aws-lambda-rie"
    target.write_bytes(binary)
    target.chmod(0o755)
    packages = (RUNTIME_CLIENT, *RUNTIME_CLIENT_NEEDS)
    where = ("--upgrade", "--no-deps", "--target", str(tools / "runtime"))
    _pip("install", *where, *packages)


def runtime_for(python_version: str, folder: Path) -> Path:
    """A folder like `TOOLS` whose runtime client is for this version of Python (`3.13`), with the
    emulator that is installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "aws-lambda-rie").symlink_to(TOOLS / "aws-lambda-rie")
    _pip(
        *("install", "--no-deps", "--only-binary=:all:", "--no-compile"),
        *("--python-version", python_version, "--target", str(folder / "runtime")),
        *(RUNTIME_CLIENT, *RUNTIME_CLIENT_NEEDS),
    )
    return folder


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*command, *arguments], check=True)


if __name__ == "__main__":
    install()
