"""`python -m migrations [FOLDER …]`: bring the database of `DATABASE_URL` up to date.

Without folders the consumer's tables and those of the projection that is shipped; with folders the
consumer's and those. `ROLE` names the role that consumer, redrive and auditor log in as: it is made
if need be, and gets what a deploy would give it; its password is yours to set.
"""

import os
import sys
from pathlib import Path

import psycopg

from contract import InorderError
from migrations.migrate import INORDER, ORDERS, apply
from migrations.roles import Role, Work, prepare


def main(folders: list[str]) -> int:
    """0 if the database is up to date now, else 2 with the reason on standard error."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        print("set DATABASE_URL to a libpq URL of a role that may create schemas", file=sys.stderr)
        return 2
    role = os.environ.get("ROLE")
    try:
        applied = apply(url, [INORDER, *(map(Path, folders) if folders else [ORDERS])])
        if role:
            prepare(url, [Role(name=role, work=Work.APPLICATION)])
    except (InorderError, psycopg.Error) as error:
        print(f"migrations: {error}", file=sys.stderr)
        return 2
    print("\n".join(f"applied {name}" for name in applied) or "up to date")
    if role:
        print(f"role {role} is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
