"""Bring a database up to date with yoyo, one migrator at a time."""

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import yoyo
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from yoyo import exceptions

from contract.errors import InorderError
from migrations import digests

HERE = Path(__file__).parent
INORDER = HERE / "inorder"
ORDERS = HERE / "orders"

_LOCK = 0x1407DE2
"""Key of the advisory lock that serializes migrators; any number that nobody else uses."""

_LOCK_TIMEOUT = "4s"
"""A statement that waits for a table's lock has everybody else wait behind it: rather give up, let
them pass, and try again."""

_TRIES = 20
_PAUSE_SECONDS = 1.0

EVERYTHING: Mapping[Path, str] = {}


class MigrationFailed(InorderError):
    """A migration could not be applied; the message names its file and what PostgreSQL said."""


def apply(
    url: str,
    folders: Iterable[Path],
    *,
    up_to: Mapping[Path, str] = EVERYTHING,
    seconds: float | None = None,
) -> list[str]:
    """Apply what is missing of the folders' `NNNN.name.sql` files and return their names.

    `url` is a libpq URL of a role that may create schemas and tables, to the server itself and not
    to a proxy. Folders are taken in the order given, each up to the name in `up_to` where there is
    one. Running it twice, or twice at once, does no harm. `seconds` bounds it all: what has not
    been done by then is rolled back by the server itself. Raises `MigrationFailed`,
    `psycopg.Error`.
    """
    files = _files(folders, up_to)
    bounded = _Bounded(url, None if seconds is None else time.monotonic() + seconds)
    with closing(psycopg.connect(bounded.url(lock_timeout="0"), autocommit=True)) as guard:
        guard.execute("select pg_advisory_lock(%s)", [_LOCK])
        return [
            name
            for folder, wanted in files.items()
            for name in _apply_folder(bounded, guard, folder, wanted)
        ]


def names(folder: Path) -> list[str]:
    """The folder's migrations in their order; raises `MigrationFailed` if there is none."""
    found = sorted(file.stem for file in folder.glob("*.sql"))
    if not found:
        raise MigrationFailed(f"{folder} holds no migration (NNNN.name.sql)")
    return found


class _Bounded:
    """A database, and until when it may be worked on."""

    def __init__(self, url: str, deadline: float | None) -> None:
        self._url = url
        self._given = str(conninfo_to_dict(url).get("options") or "")
        self._deadline = deadline

    def url(self, *, lock_timeout: str = _LOCK_TIMEOUT) -> str:
        """For a connection that is made now. With a deadline the server ends what is still running
        then, and soon after its client is gone, which only a server on Linux notices.
        """
        settings = {"lock_timeout": lock_timeout}
        if self._deadline is not None:
            left = int((self._deadline - time.monotonic()) * 1000)
            settings["statement_timeout"] = str(max(1, left))
            settings["client_connection_check_interval"] = "2s"
        options = [self._given]
        options += [f"-c {name}={value}" for name, value in settings.items()]
        return make_conninfo(self._url, options=" ".join(options))

    def check_time(self, name: str) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise MigrationFailed(f"{name}.sql: no time left to apply it")


def _files(folders: Iterable[Path], up_to: Mapping[Path, str]) -> dict[Path, list[str]]:
    """The migrations of each folder; raises if two have one name, which yoyo takes for the same."""
    files = {folder: names(folder) for folder in folders}
    everything = [name for found in files.values() for name in found]
    for name in everything:
        if everything.count(name) > 1:
            raise MigrationFailed(f"two folders hold a migration named {name}.sql: rename one")
    return {
        folder: [name for name in found if name <= up_to.get(folder, name)]
        for folder, found in files.items()
    }


def _apply_folder(
    bounded: _Bounded, guard: psycopg.Connection[Any], folder: Path, wanted: list[str]
) -> list[str]:
    migrations = yoyo.read_migrations(str(folder.resolve()))
    backend = yoyo.get_backend(_for_yoyo(bounded.url()))
    with closing(backend.connection):
        # The advisory lock says that nobody else migrates: a lock row is a dead migrator's.
        backend.break_lock()
        pending = [one for one in backend.to_apply(migrations) if one.id in wanted]
        missing = {migration.id for migration in pending}
        digests.check(guard, [folder / f"{name}.sql" for name in wanted if name not in missing])
        for migration in pending:
            _apply_one(bounded, backend, migration)
            digests.remember(guard, [folder / f"{migration.id}.sql"])
        return [migration.id for migration in pending]


def _apply_one(bounded: _Bounded, backend: Any, migration: Any) -> None:
    for tries_left in reversed(range(_TRIES)):
        bounded.check_time(migration.id)
        try:
            backend.apply_one(migration)
        except psycopg.errors.LockNotAvailable as error:
            if not tries_left:
                raise MigrationFailed(
                    f"{Path(migration.path).name}: a table is in use all the time: {error}"
                ) from error
            time.sleep(_PAUSE_SECONDS)
        except (psycopg.Error, exceptions.BadMigration) as error:
            raise MigrationFailed(f"{Path(migration.path).name}: {error}") from error
        else:
            return


def _for_yoyo(url: str) -> str:
    """The same server in the only form yoyo reads, out of any form that libpq does."""
    given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    return f"postgresql+psycopg:///{quote(given.pop('dbname', ''))}?{urlencode(given)}"
