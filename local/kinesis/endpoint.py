"""A Kinesis endpoint: where it is, and a client and streams on it."""

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from contract.errors import InorderError
from local import tether

START_SECONDS = 30.0
_ACTIVE_SECONDS = 120.0


class KinesisUnavailable(InorderError):
    """A Kinesis endpoint could not be found or started; the message says what is missing."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A place that speaks Kinesis; `url` None is AWS itself.

    On this machine any credentials do; elsewhere the caller's own are used, as boto3 finds them.
    """

    url: str | None
    region: str = "us-east-1"

    @property
    def is_local(self) -> bool:
        """Whether the endpoint is on this machine."""
        host = urlsplit(self.url or "").hostname
        return host in ("localhost", "::1") or (host or "").startswith("127.")

    def client(self, *, connections: int = 50, **options: Any) -> Any:
        """A boto3 client without retries of its own: what is retried is decided above it."""
        config = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=connections,
        ).merge(Config(**options))
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        session = boto3.session.Session()  # boto3's shared one keeps the credentials it first found
        return session.client(
            "kinesis",
            region_name=self.region,
            config=config,
            endpoint_url=self.url,
            **(keys if self.is_local else {}),
        )

    def create_stream(self, name: str, shards: int) -> str:
        """Create a stream, wait until it is active, and give its ARN; one that is there stays."""
        client = self.client()
        with contextlib.suppress(client.exceptions.ResourceInUseException):
            client.create_stream(StreamName=name, ShardCount=shards)
        return wait_active(client, name)


def wait_active(client: Any, stream: str) -> str:
    """Wait until a stream is active, also after a split or merge; its ARN."""
    deadline = time.monotonic() + _ACTIVE_SECONDS
    while time.monotonic() < deadline:
        summary = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        if summary["StreamStatus"] == "ACTIVE":
            return str(summary["StreamARN"])
        time.sleep(0.02)
    raise KinesisUnavailable(f"stream {stream} is not active after {_ACTIVE_SECONDS:.0f} s")


@contextlib.contextmanager
def serve(
    command: list[str | Path], *, port: int, log: Path, env: Mapping[str, str]
) -> Iterator[Endpoint]:
    """Run a server on this loopback port for the length of the block."""
    process = tether.start(command, log=log, env=env)
    try:
        endpoint = Endpoint(url=f"http://127.0.0.1:{port}")
        _wait_until_it_answers(endpoint, process, log)
        yield endpoint
    finally:
        tether.release(process)


def _wait_until_it_answers(endpoint: Endpoint, process: subprocess.Popen[bytes], log: Path) -> None:
    client = endpoint.client()
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise KinesisUnavailable(f"the server ended at once; its log is {log}")
        with contextlib.suppress(BotoCoreError, ClientError):
            client.list_streams()
            return
        time.sleep(0.03)
    raise KinesisUnavailable(f"the server does not answer; its log is {log}")
