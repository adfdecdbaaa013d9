"""The newest migration: that the database was brought to, and that this checkout ships."""

from pathlib import Path

import psycopg

from consumer.faults import outline
from consumer.settings import BadSetting
from ops.connection import database, rows
from ops.doctor.facts import Missing, Unknown

_FOLDER = Path(__file__).parents[2] / "migrations" / "inorder"


def shipped() -> list[str]:
    """The names of this checkout's migrations."""
    return [file.stem for file in _FOLDER.glob("*.sql")]


def applied() -> str | Missing | Unknown:
    """What the environment's database says, for stacks that do not migrate it themselves."""
    try:
        with database() as opened:
            names = {row["migration_id"] for row in rows(opened, "applied_migrations")}
    except BadSetting:
        return Unknown("this stack does not migrate its database: name it with DATABASE_URL")
    except psycopg.errors.UndefinedTable:
        return Missing()
    except psycopg.Error as error:
        return Unknown(f"the database: {outline(error)}")
    return max(names.intersection(shipped()), default=None) or Missing()
