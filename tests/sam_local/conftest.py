"""An engine with Lambda's image, the built functions, and what they talk to on this machine."""

import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

import migrations
from local.kinesis.ministack import ministack
from local.postgres import Postgres, temporary_folder
from migrations.migrate import INORDER, ORDERS
from tests.events.generate import HERE as EVENTS
from tests.faults.fault_proxy import FaultProxy
from tests.operating import s3
from tests.sam_local import engine as engines
from tests.sam_local import image
from tests.sam_local.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
SAM = (str(ROOT / ".tools/sam/bin/python"), "-m", "samcli")
ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
_REGION = "eu-west-1"
ENVIRONMENT = EVENTS / "env" / "local.json"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    if (missing := engines.missing()) is not None:
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with (
        tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as folder,
        engines.running(Path(folder)) as running,
    ):
        if running.is_ours:
            image.make(Path(folder), running.variables)
        yield running


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """The built template, whose functions may also be told where AWS is.

    SAM gives a function only variables that the template declares, and the template declares none
    that would send it elsewhere.
    """
    folder = tmp_path_factory.mktemp("built")
    environment = {key: value for key, value in os.environ.items() if "MAKE" not in key}
    config = ("--config-file", str(ROOT / "samconfig.toml"), "--config-env", "localstack")
    subprocess.run(
        [*SAM, "build", *config, "--build-dir", folder, *_parameters()],
        cwd=ROOT,
        env={**environment, "ARCHITECTURE": ARCHITECTURE, "SAM_CLI_TELEMETRY": "0"},
        check=True,
        capture_output=True,
        timeout=500,
    )
    template = folder / "template.yaml"
    text = template.read_text()
    declared = "        STACK_NAME:\n          Ref: AWS::StackName\n"
    assert text.count(declared) == 1
    more = "".join(
        f'        {name}: ""\n' for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS")
    )
    template.write_text(text.replace(declared, declared + more))
    return template


@pytest.fixture(scope="session")
def database() -> Iterator[Postgres]:
    """A migrated server that asks this machine's `postgres` for no password, as the file has it."""
    with temporary_folder() as folder, Postgres(Path(folder)) as server:
        rules = server.folder / "data/pg_hba.conf"
        rules.write_text(f"host all postgres 127.0.0.1/32 trust\n{rules.read_text()}")
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("select pg_reload_conf()")
            connection.execute("create database inorder")
        migrations.apply(f"{server.url}?dbname=inorder", [INORDER, ORDERS])
        yield server


@pytest.fixture(scope="session")
def services(engine: Engine, database: Postgres, tmp_path_factory) -> Iterator[dict[str, str]]:
    """The variables of the file that differ here: each service at the engine's side of its bridge,
    which reaches this machine and nothing beyond it.
    """
    with ministack() as kinesis, s3.running(tmp_path_factory.mktemp("s3")) as aws:
        msgspec.structs.replace(kinesis, region=_REGION).create_stream("orders", 1)
        ports = (database.port, *(int(url.rpartition(":")[2]) for url in (kinesis.url, aws)))
        doors = [FaultProxy(port, engine.host_address) for port in ports]
        yield {
            "DB_PORT": str(doors[0].port),
            "AWS_ENDPOINT_URL_KINESIS": f"http://this-machine:{doors[1].port}",
            "AWS_ENDPOINT_URL": f"http://this-machine:{doors[2].port}",
            "S3_HERE": aws,
        }
        for door in doors:
            door.close()


@pytest.fixture
def invoke(engine: Engine, built: Path, services: dict[str, str], tmp_path):
    """`sam local invoke` of a function with an event's file; what it answered. Keywords are
    variables that differ from the file's, too.
    """
    declared = json.loads(ENVIRONMENT.read_text())
    told = tmp_path / "env.json"

    def call(function: str, event: Path, **variables: str):
        told.write_text(json.dumps({function: declared[function] | services | variables}))
        done = subprocess.run(
            [
                *(*SAM, "local", "invoke", function, "--template-file", built, "--event", event),
                *("--env-vars", told, "--skip-pull-image", *_parameters()),
                *("--add-host", f"database:{engine.host_address}"),
                *("--add-host", f"this-machine:{engine.host_address}"),
            ],
            cwd=ROOT,
            env={**engine.variables, **_ANY_CREDENTIALS, "SAM_CLI_TELEMETRY": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return call


_ANY_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": _REGION,
}


def _parameters() -> tuple[str, ...]:
    return ("--parameter-overrides", f"Architecture={ARCHITECTURE}", "DatabaseMode=external")
