"""Compiles a function's folder for Lambda's Python: `python bytecode.py FOLDER VERSION`.

Lambda's code folder is read-only: what comes without bytecode is compiled at every cold start, half
of which it is. Bytecode is one Python version's own, so a Python of that version has to be here;
without one the folder is left as it is, which works and starts more slowly. Standard library only:
the build rules run it with any Python.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_VERSION = "import sys; print('{}.{}'.format(*sys.version_info))"
_INSTALLED = (".pyenv/versions/{}.*/bin", ".local/share/uv/python/cpython-{}*/bin")
"""Where version managers keep interpreters; a shim on the PATH may not run by itself."""

_IN_LAMBDA = "/var/task"


def find(version: str) -> Path | None:
    """An interpreter of this version (`3.13`), None where the machine has none."""
    for candidate in _candidates(version):
        if version_of(candidate) == version:
            return candidate
    return None


def version_of(python: Path) -> str | None:
    """The interpreter's version, or None if it does not start."""
    try:
        answer = subprocess.run(
            [python, "-c", _VERSION], capture_output=True, text=True, check=False, timeout=30
        )
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def compile_folder(folder: Path, python: Path) -> None:
    """Bytecode for every module, without the building machine's paths and times in it.

    It is never held against its source: nothing can change in a zip.
    """
    subprocess.run(
        [
            *(python, "-m", "compileall", "-q", "-f"),
            *("--invalidation-mode", "unchecked-hash"),
            *("-s", folder, "-p", _IN_LAMBDA, folder),
        ],
        check=True,
    )


def _candidates(version: str) -> Iterator[Path]:
    if version == "{}.{}".format(*sys.version_info):
        yield Path(sys.executable)
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    for folder in _INSTALLED:
        yield from sorted(Path.home().glob(f"{folder.format(version)}/python{version}"))


def main(folder: str, version: str) -> int:
    """Compile the folder, or say why not."""
    python = find(version)
    if python is None:
        print(
            f"no Python {version} here: the function is built without bytecode and starts more "
            f"slowly; install python{version}",
            file=sys.stderr,
        )
        return 0
    compile_folder(Path(folder), python)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
