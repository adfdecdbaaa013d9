"""Bring a database up to date with yoyo, one migrator at a time."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
import yoyo
from psycopg.conninfo import conninfo_to_dict
from yoyo import exceptions

from contract.errors import InorderError

HERE = Path(__file__).parent
INORDER = HERE / "inorder"
ORDERS = HERE / "orders"

_LOCK = 0x1407DE2
"""Key of the advisory lock that serializes migrators; any number that nobody else uses."""


class MigrationFailed(InorderError):
    """A migration could not be applied; the message names its file and what PostgreSQL said."""


def apply(url: str, folders: Iterable[Path]) -> list[str]:
    """Apply what is missing of the folders' `NNNN.name.sql` files and return their names.

    `url` is a libpq URL of a role that may create schemas and tables. Folders are taken in the
    order given. Running it twice, or twice at once, does no harm.
    """
    files = _files(folders)
    with closing(psycopg.connect(url, autocommit=True)) as guard:
        guard.execute("select pg_advisory_lock(%s)", [_LOCK])
        return [name for folder in files for name in _apply_folder(url, folder)]


def _files(folders: Iterable[Path]) -> dict[Path, list[str]]:
    """The migrations of each folder; raises if two have one name, which yoyo takes for the same."""
    files = {folder: sorted(file.stem for file in folder.glob("*.sql")) for folder in folders}
    for folder, names in files.items():
        if not names:
            raise MigrationFailed(f"{folder} holds no migration (NNNN.name.sql)")
    everything = [name for names in files.values() for name in names]
    for name in everything:
        if everything.count(name) > 1:
            raise MigrationFailed(f"two folders hold a migration named {name}.sql: rename one")
    return files


def _apply_folder(url: str, folder: Path) -> list[str]:
    migrations = yoyo.read_migrations(str(folder.resolve()))
    backend = yoyo.get_backend(_for_yoyo(url))
    with closing(backend.connection):
        # The advisory lock says that nobody else migrates: a lock row is a dead migrator's.
        backend.break_lock()
        pending = backend.to_apply(migrations)
        for migration in pending:
            try:
                backend.apply_one(migration)
            except (psycopg.Error, exceptions.BadMigration) as error:
                raise MigrationFailed(f"{Path(migration.path).name}: {error}") from error
        return [migration.id for migration in pending]


def _for_yoyo(url: str) -> str:
    """The same server in the only form yoyo reads, out of any form that libpq does."""
    given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    return f"postgresql+psycopg:///{quote(given.pop('dbname', ''))}?{urlencode(given)}"
