"""The migrator as CloudFormation has it: asked with an event, answering at a URL."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from local.postgres import DEFAULT_MAJOR, Postgres
from migrations import custom_resource, handler, migrate
from migrations.custom_resource import UntrustedUrl
from migrations.handler import PHYSICAL_ID
from migrations.migrate import INORDER, ORDERS, names
from tests.connecting.cloud import Cloud
from tests.integration.migrations.conftest import managed_postgres

OLDER, *_, NEWEST = names(INORDER)
PROPERTIES = {
    "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:migrator",
    "ServiceTimeout": "320",
    "SchemaVersion": NEWEST,
    "ProjectionMigrations": "orders",
    "ProjectionVersion": names(ORDERS)[-1],
    "ApplicationRole": "inorder_app",
    "ApplicationAuth": "iam",
    "After": "inorder-writer",
}


class Time:
    """What is left of an invocation."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


@pytest.fixture(scope="module")
def managed_server() -> Iterator[Postgres]:
    """One will do for what CloudFormation sees."""
    with managed_postgres(DEFAULT_MAJOR) as server:
        yield server


@pytest.fixture
def cloud(monkeypatch) -> Iterator[Cloud]:
    made = Cloud()
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield made
    made.close()


@pytest.fixture
def database(managed, monkeypatch):
    """The migrator's environment; it logs in as the master, with a secret."""
    given = conninfo_to_dict(managed.url)
    monkeypatch.setenv("DB_HOST", str(given["host"]))
    monkeypatch.setenv("DB_PORT", str(given["port"]))
    monkeypatch.setenv("DB_NAME", "managed")
    monkeypatch.setenv("DB_USER", "master")
    monkeypatch.setenv("DB_SSLMODE", "disable")
    monkeypatch.setenv("DB_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:1:secret:master")
    return managed


@pytest.fixture
def ask(cloud, database):
    """Send the migrator an event; gives its answer."""
    cloud.secret = json.dumps({"password": "of the master"})

    def send(kind: str, *, seconds: float = 60, **properties: str) -> dict[str, Any]:
        handler.handler(event(cloud.url, kind, PROPERTIES | properties), Time(seconds))
        return cloud.answers[-1]

    return send


def event(url: str, kind: str, properties: dict[str, str]) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "RequestId": "request",
        "ResponseURL": f"{url}/bucket/arn%3Aaws?X-Amz-Signature=hunter2",
        "StackId": "stack",
        "LogicalResourceId": "Migrations",
        "ResourceType": "Custom::Migrations",
        "ResourceProperties": properties,
    }


def tables(managed) -> set[str]:
    with psycopg.connect(managed.url) as sql:
        return {name for (name,) in sql.execute("select relname from pg_class where relkind = 'r'")}


def test_a_stack_is_created(ask, cloud, database):
    answer = ask("Create")
    assert answer["Status"] == "SUCCESS", answer
    assert answer["PhysicalResourceId"] == PHYSICAL_ID
    identity = {name: answer[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    assert identity == {
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Migrations",
    }
    assert answer["Data"]["Version"] == NEWEST
    assert answer["Data"]["Applied"].startswith(OLDER)
    assert {"ledger", "orders"} <= tables(database)
    with psycopg.connect(database.url) as sql:
        member = sql.execute("select pg_has_role('inorder_app', 'rds_iam', 'member')").fetchone()
    assert member == (True,)
    assert cloud.content_types == [""], "the signature of the URL is for none"


def test_again_and_as_an_update_it_does_nothing_more(ask):
    ask("Create")
    for kind in ("Create", "Update"):
        answer = ask(kind)
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", PHYSICAL_ID)
        assert answer["Data"] == {"Version": NEWEST, "Applied": ""}


def test_two_at_once(cloud, database, ask):
    threads = [threading.Thread(target=ask, args=("Update",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    applied = sorted(answer["Data"]["Applied"] for answer in cloud.answers)
    assert [answer["Status"] for answer in cloud.answers] == ["SUCCESS"] * 3
    assert [bool(names) for names in applied] == [False, False, True]


def test_a_delete_touches_nothing_not_even_the_database(cloud, monkeypatch):
    monkeypatch.delenv("DB_HOST", raising=False)
    handler.handler(event(cloud.url, "Delete", PROPERTIES), Time(60))
    assert cloud.answers[0]["Status"] == "SUCCESS"
    assert cloud.answers[0]["PhysicalResourceId"] == PHYSICAL_ID


def test_a_roll_back_is_no_downgrade_and_does_nothing(ask, database):
    ask("Create")
    before = tables(database)
    answer = ask("Update", SchemaVersion=OLDER)
    assert (answer["Status"], answer["Data"]["Applied"]) == ("SUCCESS", "")
    assert tables(database) == before


def test_a_roll_back_after_a_migration_that_failed_succeeds(ask, database, monkeypatch, tmp_path):
    """The new zip is still there and its migration still fails; it is not asked for any more."""
    ask("Create", ProjectionMigrations="", ProjectionVersion="")
    folder = tmp_path / "inorder"
    folder.mkdir()
    for file in INORDER.glob("*.sql"):
        (folder / file.name).write_text(file.read_text())
    (folder / "9999.broken.sql").write_text("select 1 / 0;")
    monkeypatch.setattr("migrations.request.INORDER", folder)
    nothing_else = {"ProjectionMigrations": "", "ProjectionVersion": ""}
    failed = ask("Update", SchemaVersion="9999.broken", **nothing_else)
    assert failed["Status"] == "FAILED"
    assert failed["Reason"].startswith("9999.broken.sql: division by zero")
    # Nor are the grants, which are for tables that never came to be.
    monkeypatch.setattr(
        handler, "prepare", lambda *_: pytest.fail("the roles are not for a roll-back")
    )
    assert ask("Update", **nothing_else)["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"SchemaVersion": "9999.unknown"}, "SchemaVersion is '9999.unknown'"),
        ({"SchemaVersion": ""}, "SchemaVersion is ''"),
        ({"SchemaVersion": OLDER}, f"not the newest migration of its folder: inorder/{OLDER}"),
        ({"ProjectionVersion": "0"}, "ProjectionVersion is '0'"),
        ({"ProjectionMigrations": "nowhere"}, "nowhere holds no migration"),
        ({"ProjectionMigrations": "../etc"}, "ProjectionMigrations is '../etc'"),
        ({"ApplicationRole": 'x"; drop'}, "ApplicationRole is 'x\"; drop'"),
        ({"ApplicationAuth": "trust"}, "ApplicationAuth is 'trust': expected one of iam, secret"),
        ({"ApplicationAuth": "secret"}, "name the secret with ApplicationSecretArn"),
    ],
)
def test_a_property_that_cannot_be_used_is_named_and_nothing_done(
    ask, database, properties, problem
):
    answer = ask("Create", **properties)
    assert answer["Status"] == "FAILED"
    assert problem in answer["Reason"]
    assert "ledger" not in tables(database)


def test_the_applications_password_is_the_secrets(ask, cloud, database):
    answer = ask(
        "Create",
        ApplicationAuth="secret",
        ApplicationSecretArn="arn:aws:secretsmanager:eu-west-1:1:secret:app",
    )
    assert answer["Status"] == "SUCCESS", answer
    with_it = make_conninfo(database.root_url, user="inorder_app", password="of the master")  # noqa: S106 - of a test
    psycopg.connect(with_it).close()


def test_a_user_that_does_both_is_left_alone(ask, database):
    assert ask("Create", ApplicationRole="master")["Status"] == "SUCCESS"
    with psycopg.connect(database.url) as sql:
        assert sql.execute("show statement_timeout").fetchone() == ("0",)


def test_a_database_that_does_not_answer_is_said(ask, monkeypatch):
    monkeypatch.setenv("DB_PORT", "1")
    answer = ask("Create")
    assert answer["Status"] == "FAILED"
    assert "127.0.0.1" in answer["Reason"]


def test_a_missing_setting_is_said(ask, monkeypatch):
    monkeypatch.delenv("DB_HOST")
    assert "either DATABASE_URL or DB_HOST" in ask("Create")["Reason"]


def test_what_nobody_foresaw_is_answered_without_its_words(ask, monkeypatch):
    def broken(*_args, **_kwargs):
        raise KeyError("hunter2")

    monkeypatch.setattr(handler, "apply", broken)
    answer = ask("Create")
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "KeyError: see the function's log")


def test_the_answer_is_tried_again(ask, cloud):
    cloud.fails = 2
    assert ask("Create")["Status"] == "SUCCESS"


def test_it_answers_before_its_time_is_up_and_the_server_lets_go(ask, cloud, database, monkeypatch):
    """Somebody has locked what is to be altered; nobody waits for the answer until the end."""
    monkeypatch.setattr(custom_resource, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(handler, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(migrate, "_LOCK_TIMEOUT", "300ms")
    with psycopg.connect(database.url) as other:
        other.execute("select pg_advisory_lock(%s)", [migrate._LOCK])
        began = time.monotonic()
        answer = ask("Create", seconds=4)
        assert time.monotonic() - began < 4
    assert answer["Status"] == "FAILED"
    assert len(cloud.answers) == 1
    with psycopg.connect(database.url) as sql:
        waiting = sql.execute("select count(*) from pg_locks where not granted").fetchone()
    assert waiting == (0,)


def test_work_that_never_ends_is_answered_for(cloud, monkeypatch):
    monkeypatch.setattr(custom_resource, "ANSWER_SECONDS", 1.0)
    custom_resource.serve(
        event(cloud.url, "Update", {}),
        Time(1.5),
        physical_id="x",
        work=lambda: time.sleep(1.5) or {},
    )
    (answer,) = cloud.answers
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("out of time")


@pytest.mark.parametrize(
    "url",
    [
        "http://bucket.s3.amazonaws.com/x?X-Amz-Signature=hunter2",
        "https://evil.example/x?X-Amz-Signature=hunter2",
        "https://s3.amazonaws.com.evil.example/x",
        "https://evil.example/s3.amazonaws.com",
        "https://s3.evil.example@evil.example/x",
        "https://bucket.s3.amazonaws.com:8443/x",
        "https://lambda.amazonaws.com/x",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_answer_goes_to_s3_only(url, cloud, monkeypatch, caplog):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    asked = {**event(cloud.url, "Create", PROPERTIES), "ResponseURL": url}
    with pytest.raises(UntrustedUrl) as caught:
        handler.handler(asked, Time(60))
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn?X=1",
        "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/arn",
        "https://cloudformation-custom-resource-response-eusouth1.s3-eu-south-1.amazonaws.com/arn",
        "https://x.s3.dualstack.eu-west-1.amazonaws.com/arn",
        "https://x.s3.cn-north-1.amazonaws.com.cn/arn",
    ],
)
def test_every_form_of_an_s3_url(url):
    assert custom_resource._trusted(url, {}).geturl() == url


@pytest.mark.parametrize(
    "endpoint", ["http://localhost:4566", "http://localhost.localstack.cloud:4566"]
)
def test_localstacks_forms(endpoint):
    for host in ("127.0.0.1", "localhost.localstack.cloud", "s3.localhost.localstack.cloud"):
        url = f"http://{host}:4566/bucket/key"
        assert custom_resource._trusted(url, {"AWS_ENDPOINT_URL": endpoint}).geturl() == url
        with pytest.raises(UntrustedUrl):
            custom_resource._trusted(url.replace("4566", "80"), {"AWS_ENDPOINT_URL": endpoint})


def test_no_secret_is_logged(ask, caplog):
    caplog.set_level("DEBUG")
    ask("Create")
    ask("Create", SchemaVersion="9999.unknown")
    for secret in ("hunter2", "of the master", "ASIAEXAMPLE"):
        assert secret not in caplog.text
