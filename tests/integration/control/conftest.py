"""Parameter Store, Lambda, Kinesis and CloudWatch as moto has them, and a mapping in them."""

import io
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from tests.operating import s3

ROLE = "arn:aws:iam::123456789012:role/consumer"
STACK = "shop"
STATE = f"/inorder/{STACK}/concurrency/state"
HAND = f"/inorder/{STACK}/concurrency/hand"


class Cloud(NamedTuple):
    """The endpoint, and the one mapping there."""

    url: str
    mapping: str
    stream: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the endpoint takes any
        )

    def real(self) -> dict[str, Any]:
        return self.client("lambda").get_event_source_mapping(UUID=self.mapping)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3.running(Path(tmp_path_factory.mktemp("moto"))) as url:
        yield url


@pytest.fixture
def cloud(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A stream of two shards with a consumer's mapping, factor 2, and the two parameters."""
    reset = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")  # noqa: S310 - loopback
    urllib.request.urlopen(reset, timeout=30).close()  # noqa: S310 - as above
    for name, value in s3.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    name = f"orders-{uuid.uuid4().hex}"
    bare = Cloud(endpoint, "", name)
    kinesis, functions, ssm = (bare.client(s) for s in ("kinesis", "lambda", "ssm"))
    kinesis.create_stream(StreamName=name, ShardCount=2)
    bare.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    role = bare.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="consumer.handler.handler",
        Code={"ZipFile": _zip()},
    )
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    made = functions.create_event_source_mapping(
        EventSourceArn=summary["StreamARN"],
        FunctionName=name,
        BatchSize=500,
        MaximumBatchingWindowInSeconds=1,
        ParallelizationFactor=2,
        StartingPosition="TRIM_HORIZON",
    )
    for parameter in (STATE, HAND):
        ssm.put_parameter(Name=parameter, Value="{}", Type="String", Overwrite=True)
    return Cloud(endpoint, made["UUID"], name)


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("consumer.py", "")
    return file.getvalue()
