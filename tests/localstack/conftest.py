"""LocalStack with the stack deployed, a real PostgreSQL for it, and our own mapping beside."""

import json
import secrets
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from local.environments.lambda_api import LambdaApi
from local.environments.pool import EnvironmentPool
from local.kinesis.endpoint import Endpoint
from local.localstack import endpoint as found
from local.localstack import server
from local.localstack.endpoint import LocalStack
from local.mapping.lambda_event import StreamIdentity
from local.mapping.on_failure import S3, MappingIdentity
from local.mapping.runner import MappingRunner
from local.mapping.settings import MappingSettings
from local.mapping.stream import KinesisStream
from local.postgres import Postgres
from tests.localstack import deployed
from tests.localstack.deployed import Stack
from tests.localstack.migrating import migrate

DATABASE = "inorder"
USER = "inorder_app"


@pytest.fixture(scope="session")
def localstack(tmp_path_factory) -> Iterator[LocalStack]:
    """The one that the usual variables name or that is at the usual place, or one of our own."""
    there = found.find()
    if there is not None:
        yield there
        return
    with server.started(tmp_path_factory.mktemp("localstack")) as own:
        yield own


@pytest.fixture(scope="session")
def passwords(postgres: Postgres) -> dict[str, str]:
    """Of the functions' role, which the migrator makes, and of the one that it logs in as."""
    admin = conninfo_to_dict(postgres.url)["password"]
    return {USER: secrets.token_urlsafe(16), "postgres": str(admin)}


@pytest.fixture(scope="session")
def parameters(localstack: LocalStack, postgres: Postgres, passwords: dict[str, str]):
    """What the stack is deployed with."""
    client = localstack.client("secretsmanager")
    secret_arns = {
        role: client.create_secret(
            Name=f"{role}-{uuid.uuid4().hex[:8]}", SecretString=json.dumps({"password": password})
        )["ARN"]
        for role, password in passwords.items()
    }
    return {
        "Environment": "dev",
        "Architecture": deployed.ARCHITECTURE,
        **dict.fromkeys(("WithApi", "WithAlarms", "GradualDeploys"), "false"),
        "ConcurrencyControl": "off",  # it names a resource that LocalStack makes too late
        "DatabaseMode": "external",
        "ShardCount": "2",
        "BatchingWindowSeconds": "0",
        "ConsumerTimeoutSeconds": "15",
        "RedriveRate": "rate(1 day)",
        "AuditRate": "rate(1 day)",
        "DatabaseHost": "127.0.0.1",
        "DatabasePort": str(postgres.port),
        "DatabaseName": DATABASE,
        "DatabaseUser": USER,
        "DatabaseSecretArn": secret_arns[USER],
        "DatabaseAdminUser": "postgres",
        "DatabaseAdminSecretArn": secret_arns["postgres"],
        "DatabaseTls": "disable",
    }


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    return deployed.build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def stack(localstack: LocalStack, built: Path, parameters: dict[str, str]) -> Stack:
    return deployed.deploy(localstack, built, parameters)


@pytest.fixture(scope="session")
def migrated_there(stack: Stack, postgres: Postgres, parameters: dict[str, str]) -> str:
    """The name of a database made by the deployed migrator: schema, projection and role."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {DATABASE}")
    answer = migrate(stack, secret_arn=parameters["DatabaseSecretArn"])
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"alter database {DATABASE} rename to migrated_there")
    return "migrated_there"


@pytest.fixture
def database(postgres: Postgres, migrated_there: str) -> str:
    """The URL of the database that the functions use, empty."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)")
        connection.execute(f"create database {DATABASE} template {migrated_there}")
    return f"{postgres.url}?dbname={DATABASE}"


@pytest.fixture
def sql(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def endpoint(localstack: LocalStack) -> Endpoint:
    """LocalStack's Kinesis."""
    return Endpoint(url=localstack.url, region=localstack.region)


@pytest.fixture
def arn(endpoint: Endpoint) -> Iterator[str]:
    """A stream of the test's own, which LocalStack's mapping does not read."""
    name = f"ours-{uuid.uuid4().hex[:12]}"
    yield endpoint.create_stream(name, 2)
    endpoint.client().delete_stream(StreamName=name)


@pytest.fixture
def run(stack: Stack, endpoint: Endpoint, arn: str):
    """Starts our mapping on the test's stream, invoking the deployed consumer; keywords are its
    settings.
    """
    with ExitStack() as running:
        client = stack.client("lambda")

        def start(*, observe=lambda _: None, concurrency=8, **settings) -> MappingRunner:
            name = f"{stack.outputs['ConsumerFunctionName']}:live"
            pool = EnvironmentPool(lambda: LambdaApi(client, name), concurrency=concurrency)
            running.callback(pool.stop)
            stream = StreamIdentity(arn)
            identity = MappingIdentity(
                mapping_id=str(uuid.uuid4()), function_arn=name, stream=stream
            )
            settings = {"report_batch_item_failures": True, "bisect_on_error": True} | settings
            runner = MappingRunner(
                KinesisStream(endpoint.client(), stream),
                pool,
                S3(stack.client("s3"), stack.outputs["OnFailureBucketName"], identity),
                MappingSettings(**settings),
                observe=observe,
            )
            return running.enter_context(runner)

        yield start
