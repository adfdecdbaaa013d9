"""Where a LocalStack is, and clients for it."""

import json
import os
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import boto3
import msgspec
from botocore.config import Config
from localstack_client.config import get_service_endpoint

from contract.errors import InorderError

ACCOUNT = "000000000000"
"""The account of every LocalStack that nobody told otherwise."""

_KEY = "test"
_ANSWER_SECONDS = 5


class LocalStackUnavailable(InorderError):
    """A LocalStack could not be found or started; the message says what is missing."""


class LocalStack(msgspec.Struct, frozen=True, kw_only=True):
    """A LocalStack that answers at `url`; any credentials do there."""

    url: str
    region: str = "us-east-1"

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that send every AWS client of a program here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, *, read_timeout: float = 60, **options: Any) -> Any:
        """A boto3 client of this service, without retries of its own."""
        settings: dict[str, Any] = {
            "retries": {"total_max_attempts": 1},
            "connect_timeout": _ANSWER_SECONDS,
            "read_timeout": read_timeout,
            "max_pool_connections": 50,
            "s3": {"addressing_style": "path"},
        }
        return boto3.session.Session().client(
            service,
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id=_KEY,
            aws_secret_access_key=_KEY,
            config=Config(**{**settings, **options}),
        )


def find() -> LocalStack | None:
    """The LocalStack of `AWS_ENDPOINT_URL`, `LOCALSTACK_HOST` (and `USE_SSL`) or at LocalStack's
    usual place, None if none of these is set and none is there.

    Raises `LocalStackUnavailable` when one is named and does not answer: another one in its place
    would surprise.
    """
    url = get_service_endpoint("cloudformation") or ""
    if answers(url):
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return LocalStack(url=url, region=region or "us-east-1")
    for name in ("AWS_ENDPOINT_URL", "LOCALSTACK_HOST"):
        if os.environ.get(name):
            raise LocalStackUnavailable(f"{name} names {url}, but no LocalStack answers there")
    return None


def answers(url: str) -> bool:
    """Whether a LocalStack is at this URL, which none but a LocalStack's health page proves."""
    if urlsplit(url).scheme not in ("http", "https"):
        return False
    try:
        page = f"{url.rstrip('/')}/_localstack/health"
        with urllib.request.urlopen(page, timeout=_ANSWER_SECONDS) as health:  # noqa: S310
            return "services" in json.load(health)
    except (OSError, ValueError, urllib.error.URLError):
        return False
