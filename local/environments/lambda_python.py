"""A Python of Lambda's version, found or installed: `python -m local.environments.lambda_python`
prints its path.

Nothing here can download one; where Debian's packages have it and we are root, it is installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from contract.errors import InorderError
from local.environments import bytecode

VERSION = "3.13"
"""The template's runtime."""

_PACKAGES = (f"python{VERSION}", f"python{VERSION}-venv")


class LambdaPythonMissing(InorderError):
    """There is no such Python here; the message says what to install."""


def find_or_install() -> Path:
    """The interpreter, from Debian's packages if need and root be; else `LambdaPythonMissing`."""
    found = bytecode.find(VERSION)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *_PACKAGES]
        subprocess.run(
            install,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdout=sys.stderr,
            check=False,
        )
        found = bytecode.find(VERSION)
    if found is None:
        raise LambdaPythonMissing(
            f"Python {VERSION}, which Lambda and LocalStack run on, is missing: install it (with "
            f"`uv python install {VERSION}`, `pyenv install {VERSION}` or your system's packages), "
            f"so that python{VERSION} is on the PATH, and run make again"
        )
    return found


if __name__ == "__main__":
    try:
        print(find_or_install())
    except LambdaPythonMissing as error:
        sys.exit(str(error))
