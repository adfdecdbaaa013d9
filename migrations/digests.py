"""Whether a migration that was applied is still the file that was applied.

yoyo knows a migration by its name: what somebody writes into an old file is never run where it was
applied before, and nobody is told. So each file's digest is kept beside yoyo's own tables.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from contract.errors import InorderError

_MAKE = """
create table _inorder_migration_file (name text primary key, sha256 text not null);
comment on table _inorder_migration_file is 'What each migration was when it was applied here.'
"""
_THERE = "select to_regclass('_inorder_migration_file') is not null"
_KNOWN = "select name, sha256 from _inorder_migration_file"
_REMEMBER = "insert into _inorder_migration_file values (%s, %s) on conflict do nothing"


class MigrationEdited(InorderError):
    """A file was changed after it was applied; the message names it. Nothing of its folder is."""


def check(connection: psycopg.Connection[Any], applied: Sequence[Path]) -> None:
    """Hold these files against what was applied, or take them for that where nothing is known: they
    were applied before digests were kept, or by somebody who died before it was. Raises
    `MigrationEdited`.
    """
    if connection.execute(_THERE).fetchone() == (False,):
        connection.execute(_MAKE)
    known = dict(connection.execute(_KNOWN).fetchall())
    for file in applied:
        digest = _digest(file)
        if known.get(file.stem, digest) != digest:
            raise MigrationEdited(
                f"{file.name} was changed after it was applied here, and would not be run again: "
                "restore the file, and put what is new into a migration of its own"
            )
    remember(connection, applied)


def remember(connection: psycopg.Connection[Any], applied: Sequence[Path]) -> None:
    """These files are what has been applied; `check` comes before."""
    for file in applied:
        connection.execute(_REMEMBER, [file.stem, _digest(file)])


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
