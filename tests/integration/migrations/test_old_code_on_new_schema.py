"""While a deploy runs, old code works on the new schema: each migration is tried with the consumer,
redrive and auditor of the commit before it came.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import psycopg
import pytest

import migrations
from migrations.migrate import INORDER, ORDERS, names
from tests.events.generate import HERE as EVENTS

ROOT = Path(__file__).resolve().parents[3]

_RUN = """
import json, sys, time
class Context:
    function_name = aws_request_id = "old"
    memory_limit_in_mb, invoked_function_arn = "256", "arn:aws:lambda:eu-west-1:1:function:old"
    def get_remaining_time_in_millis(self):
        return 60_000
from importlib import import_module
for handler, event in json.loads(sys.argv[1]):
    answer = import_module(handler).handler(event, Context())
    print("ANSWER " + json.dumps(answer))
"""


def git(*arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, check=False)
    if done.returncode:
        # A shallow clone or an archive of the source; the linter of migrations looks all the same.
        pytest.skip(f"clone the whole history to try older code: {done.stderr.decode().strip()}")
    return done.stdout


def code_before(migration: str, folder: Path) -> Path:
    """The functions' code and their migrations as of the commit before this one's; today's for one
    that is not committed.
    """
    file = f"migrations/inorder/{migration}.sql"
    added = git("log", "--diff-filter=A", "--format=%H", "--", file).decode().split()
    commit = f"{added[-1]}^" if added else "HEAD"
    wanted = ("contract", "login", "consumer", "migrations/inorder")
    present = [folder for folder in wanted if git("ls-tree", commit, folder)]
    with tarfile.open(fileobj=BytesIO(git("archive", commit, *present))) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def database(postgres):
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("create database older")
        yield f"{postgres.url}?dbname=older"
        connection.execute("drop database older with (force)")


def answers(code: Path, url: str) -> list[dict]:
    """What the old functions say to the golden batches, and then to their schedules."""
    events = ["kinesis-plain.json", "kinesis-aggregated.json", "kinesis-bad.json"]
    asked = [("consumer.handler", json.loads((EVENTS / name).read_text())) for name in events]
    asked += [
        (f"consumer.{name}.handler", {})
        for name in ("redrive", "audit")
        if (code / f"consumer/{name}/handler.py").exists()
    ]
    done = subprocess.run(
        [sys.executable, "-c", _RUN, json.dumps(asked)],
        cwd=code,
        env={"DATABASE_URL": url, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert len(found) == len(asked)
    return [json.loads(line.removeprefix("ANSWER ")) for line in found]


@pytest.mark.parametrize("migration", names(INORDER)[1:])
def test_the_code_before_it_works_on_it(migration, database, tmp_path):
    code = code_before(migration, tmp_path / "code")
    schema = code / "migrations/inorder"
    shutil.copy(INORDER / f"{migration}.sql", schema)
    migrations.apply(database, [schema, ORDERS], up_to={schema: migration})
    batches, others = (found := answers(code, database))[:3], found[3:]
    assert batches == [{"batchItemFailures": []}] * 3
    assert all("problem" not in answer for answer in others), others
    with psycopg.connect(database) as sql:
        applied = sql.execute("select order_id, max(ordinal) from inorder.ledger group by 1")
        assert dict(applied.fetchall()) == {"teapot": 4, "kettle": 2}
        assert sql.execute("select from inorder.parking_lot").fetchone() is not None


def test_the_linter_refuses_what_old_code_would_miss(tmp_path):
    """It is part of `make check`; here it is shown to look."""
    bad = tmp_path / "9999.bad.sql"
    for statement in (
        "alter table inorder.head drop column state;",
        "alter table inorder.head rename column state to stand;",
        "alter table inorder.head alter column state type integer;",
        "alter table inorder.head add column needed integer not null;",
        "drop table inorder.deploy;",
        "create index on inorder.ledger (type);",
    ):
        bad.write_text(statement)
        assert squawk(bad).returncode != 0, statement
    bad.write_text("alter table inorder.head add column more integer;")
    assert squawk(bad).returncode == 0, squawk(bad).stdout
    ours = squawk(*sorted(INORDER.glob("*.sql")), *sorted(ORDERS.glob("*.sql")))
    assert ours.returncode == 0, ours.stdout


def squawk(*files: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("squawk")
    return subprocess.run(
        [program, "--reporter", "gcc", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
