"""The migrator as built, asked with the template's own properties, in AWS's own runtime client."""

import json
from urllib.parse import urlsplit

import psycopg
import pytest

from local.environments.environment import Ending
from migrations.migrate import HERE, INORDER, names
from migrations.request import read_request
from migrations.roles import Work
from tests.connecting.cloud import Cloud
from tests.packaging.emulated import emulated
from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import EXTERNAL, properties

MODES = {
    "aurora": {"DatabaseMode": "aurora"},
    "external": {
        **EXTERNAL,
        "DatabaseAdminUser": "admin",
        "DatabaseAdminSecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:admin-AbC",
    },
}


@pytest.fixture
def asked(template, resources):
    """The properties of the custom resource with the parameters of a mode."""

    def get(mode: str, **parameters: str) -> dict[str, str]:
        written = {
            name: value
            for name, value in properties(resources, "Migrations").items()
            if name not in ("ServiceToken", "After")
        }
        names_of_nothing = {"AWS::NoValue": ""}
        resolved = RuleResolver(template, MODES[mode] | parameters, names_of_nothing).value(written)
        return {name: str(value) for name, value in resolved.items()}

    return get


@pytest.mark.parametrize("mode", MODES)
def test_the_template_asks_for_the_newest_of_every_folder(asked, mode):
    """A property that does not change would not run the migrator; one of no file would fail it."""
    given = asked(mode)
    assert given["SchemaVersion"] == names(INORDER)[-1]
    assert given["ProjectionVersion"] == names(HERE / given["ProjectionMigrations"])[-1]
    request = read_request(given, own_role="admin", creating=True)
    assert not request.outdated
    (role,) = request.roles
    assert (role.secret_arn is None) is (mode == "aurora")


@pytest.mark.parametrize("mode", MODES)
def test_people_get_a_role_where_one_is_asked_for(asked, mode):
    request = read_request(asked(mode, OperatorRole="people"), own_role="admin", creating=True)
    assert [(role.name, role.work) for role in request.roles][1:] == [("people", Work.OPERATOR)]


def test_a_stack_is_created(
    asked, runnable, lambda_python, tools, postgres, database_url, monkeypatch
):
    """A password is what logs in here, since no server here has IAM."""
    server = urlsplit(database_url)
    cloud = Cloud()
    cloud.secret = json.dumps({"username": "postgres", "password": server.password})
    event = {
        "RequestType": "Create",
        "RequestId": "r",
        "ResponseURL": f"{cloud.url}/answers/x?X-Amz-Signature=y",
        "StackId": "s",
        "LogicalResourceId": "Migrations",
        "ResourceType": "Custom::Migrations",
        "ResourceProperties": asked("aurora") | {"ApplicationRole": "made_by_the_zip"},
    }
    variables = {
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(server.port),
        "DB_NAME": database_url.rpartition("dbname=")[2],
        "DB_USER": "postgres",
        "DB_AUTH": "secret",
        "DB_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:master-AbCdEf",
        "DB_SSLMODE": "disable",
        "AWS_ENDPOINT_URL": cloud.url,
    }
    try:
        with emulated("migrator", runnable("migrations"), lambda_python, tools, variables) as made:
            result = made.invoke(json.dumps(event).encode())
        log = (tools / "migrator.log").read_text()
        assert result.ending is Ending.ANSWERED, log
        (answer,) = cloud.answers
        assert answer["Status"] == "SUCCESS", answer
        assert answer["Data"]["Version"] == names(INORDER)[-1]
        assert "made_by_the_zip" in log
        assert str(server.password) not in log
    finally:
        cloud.close()
        with psycopg.connect(database_url, autocommit=True) as sql:
            sql.execute("drop owned by made_by_the_zip")
            sql.execute("drop role made_by_the_zip")
