"""`python -m migrations`, as `make migrate` runs it."""

import subprocess
import sys

import psycopg
import pytest
from psycopg.conninfo import make_conninfo


def migrate(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "migrations"],
        env={"PATH": "/usr/bin:/bin", "LOGNAME": "somebody", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_role_by_hand_keeps_what_it_logs_in_with(managed):
    done = migrate(DATABASE_URL=managed.url, ROLE="inorder_app")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "role inorder_app is up to date"
    with psycopg.connect(managed.url, autocommit=True) as sql:
        sql.execute("alter role inorder_app password 'of mine'")
    assert migrate(DATABASE_URL=managed.url, ROLE="inorder_app").stdout.startswith("up to date")
    mine = make_conninfo(managed.root_url, user="inorder_app", password="of mine")  # noqa: S106 - of a test
    with psycopg.connect(mine) as sql:
        sql.execute("select from inorder.head for update")


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({}, "set DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "migrations: connection failed"),
    ],
)
def test_what_is_wrong_is_said(variables, problem):
    done = migrate(**variables)
    assert done.returncode == 2
    assert done.stderr.startswith(problem)
