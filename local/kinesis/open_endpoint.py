"""The endpoint to work with: the given one, or one of our own."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from local.kinesis.endpoint import Endpoint
from local.kinesis.ministack import ministack


@contextlib.contextmanager
def open_endpoint(url: str | None = None, *, log: Path | None = None) -> Iterator[Endpoint]:
    """`url` as it is (LocalStack, or any other), `aws` for AWS itself, None for our own.

    The region is that of the usual variables, `AWS_REGION` or `AWS_DEFAULT_REGION`.
    """
    if url is None:
        with ministack(log=log) as endpoint:
            yield endpoint
    else:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        yield Endpoint(url=None if url == "aws" else url, region=region or "us-east-1")
