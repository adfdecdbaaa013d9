"""A stand-in for Lambda's Python image where no registry can be reached, made of this machine.

It has what the emulator and the runtime client need of the real one: Python of Lambda's version
under /var/lang, the runtime client and the SDK under /var/runtime, the bootstrap, and a shell. The
C library is this machine's, so that a zip built for this machine runs.
"""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from local.environments.lambda_python import VERSION

ROOT = Path(__file__).resolve().parents[2]
LAMBDA = ROOT / ".tools" / "lambda"
_PROGRAMS = ("sh", "mv", "cp", "rm", "chmod", "cat", "ls", "mkdir", "env")
_NOT_NEEDED = shutil.ignore_patterns(
    *("test", "__pycache__", "site-packages", "*.a", "idlelib", "ensurepip", "config-*")
)
_OPENED_LATE = ("dl", "pthread", "rt", "util", "m", "resolv", "nss_files", "nss_dns", "gcc_s")
"""Libraries of the C library's that wheels count on, though nothing here is linked with them."""
_LIBRARY = re.compile(r"(/\S+\.so\S*)")
_BOOTSTRAP = f"""#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python{VERSION}
export PYTHONPATH="/opt/python:/var/runtime"
cd /var/task
exec /var/lang/bin/python{VERSION} -m awslambdaric "$_HANDLER"
"""
_SETTINGS = (
    "ENV LANG=C.UTF-8",
    "ENV PATH=/var/lang/bin:/usr/bin:/bin",
    "ENV LD_LIBRARY_PATH=/var/lang/lib:/var/runtime",
    "ENV LAMBDA_TASK_ROOT=/var/task",
    "ENV LAMBDA_RUNTIME_DIR=/var/runtime",
    "WORKDIR /var/task",
    'ENTRYPOINT ["/var/runtime/bootstrap"]',
)


def make(folder: Path, variables: dict[str, str]) -> None:
    """Import the image into the engine of these variables, under the name SAM looks for."""
    root = folder / "root"
    for name in ("var/task", "opt/python", "tmp", "etc", "proc", "sys", "dev", "usr/bin"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    for name in ("bin", "lib", "lib64"):
        (root / f"usr/{name}").mkdir(exist_ok=True)
        (root / name).symlink_to(f"usr/{name}")
    python = Path((LAMBDA / "python").resolve())
    prefix = python.parents[1]
    (root / "var/lang/bin").mkdir(parents=True)
    shutil.copy(python, root / f"var/lang/bin/python{VERSION}")
    shutil.copytree(
        prefix / f"lib/python{VERSION}", root / f"var/lang/lib/python{VERSION}", ignore=_NOT_NEEDED
    )
    shutil.copytree(LAMBDA / "runtime", root / "var/runtime", ignore=_NOT_NEEDED)
    for name in _PROGRAMS:
        shutil.copy(shutil.which(name), root / "usr/bin" / name)
    _copy_libraries(root, prefix)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    bootstrap = root / "var/runtime/bootstrap"
    bootstrap.write_text(_BOOTSTRAP)
    bootstrap.chmod(0o755)
    changes = [part for setting in _SETTINGS for part in ("--change", setting)]
    name = f"public.ecr.aws/lambda/python:{VERSION}-{_architecture()}"
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as packed:
        subprocess.run(
            ["docker", "import", *changes, "-", name],
            stdin=packed.stdout,
            env=variables,
            check=True,
            capture_output=True,
        )


def _copy_libraries(root: Path, prefix: Path) -> None:
    """What programs and extension modules are linked with, at the places where they look."""
    programs = [path for path in (root / "usr/bin").iterdir() if path.is_file()]
    programs += [root / f"var/lang/bin/python{VERSION}", *root.rglob("*.so")]
    linked = _linked(programs, prefix)
    (libc,) = (path for path in linked if path.name.startswith("libc.so"))
    for name in _OPENED_LATE:
        linked.update(libc.parent.glob(f"lib{name}.so.[0-9]"))
    for library in sorted(linked):
        inside = prefix in library.parents
        place = root / ("var/lang/lib" if inside else str(library.parent.resolve())[1:])
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place / library.name)
    for loader in Path("/lib64").glob("ld-linux*"):
        shutil.copy(loader, root / "usr/lib64" / loader.name)


def _linked(programs: Iterable[Path], prefix: Path) -> set[Path]:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(prefix / "lib")}
    told = subprocess.run(
        ["ldd", *programs], env=environment, capture_output=True, text=True, check=False
    )
    found = map(Path, _LIBRARY.findall(told.stdout))
    return {library for library in found if library.exists()}


def _architecture() -> str:
    return {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
