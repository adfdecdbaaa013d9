"""An S3 endpoint on a loopback port, for as long as a test session needs it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local import tether
from local.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".tools" / "moto" / "bin" / "python"

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The endpoint's URL; skips the test where `make setup` has not installed it."""
    if not PYTHON.exists():
        pytest.skip("the S3 endpoint is not installed: run `make setup`")
    port = free_port()
    server = tether.start(
        [PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        log=folder / "s3.log",
        env=os.environ,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, folder / "s3.log")
        yield url
    finally:
        tether.release(server)


def client(url: str):
    """A boto3 client of that endpoint."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the endpoint takes any
    )


def _wait(url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            client(url).list_buckets()
        except (BotoCoreError, ClientError):
            if time.monotonic() > deadline:
                raise RuntimeError(f"no S3 endpoint: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)
        else:
            return
