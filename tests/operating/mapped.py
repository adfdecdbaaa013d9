"""A stream, a function and the mapping between them on an endpoint that only keeps them (moto)."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import boto3

FUNCTION = "shop-consumer"
STREAM = "shop-stream"


def connecting(url: str) -> Callable[[str], Any]:
    """Gives a client of a service at the endpoint."""

    def connect(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the endpoint takes any
        )

    return connect


def make_mapping(connect: Callable[[str], Any], **variables: str) -> str:
    """The mapping's UUID; its settings are the service's defaults, but for where it begins."""
    kinesis, functions = connect("kinesis"), connect("lambda")
    kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    kinesis.add_tags_to_stream(StreamName=STREAM, Tags={"inorder-mode": "order"})
    stream = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = connect("iam").create_role(RoleName="consumer", AssumeRolePolicyDocument=trust)
    functions.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="handler.handler",
        Code={"ZipFile": _code()},
        Environment={"Variables": variables},
    )
    mapping: dict[str, Any] = functions.create_event_source_mapping(
        EventSourceArn=stream["StreamARN"],
        FunctionName=FUNCTION,
        StartingPosition="TRIM_HORIZON",
        BatchSize=500,
    )
    return str(mapping["UUID"])


def _code() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("handler.py", "def handler(event, context): return event")
    return written.getvalue()
