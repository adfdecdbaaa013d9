"""The endpoint to work with: the given one, or one of our own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from local.kinesis.endpoint import Endpoint
from local.kinesis.ministack import ministack


@contextlib.contextmanager
def open_endpoint(url: str | None = None, *, log: Path | None = None) -> Iterator[Endpoint]:
    """`url` as it is (LocalStack, or any other), `aws` for AWS itself, None for our own."""
    if url is None:
        with ministack(log=log) as endpoint:
            yield endpoint
    else:
        yield Endpoint(url=None if url == "aws" else url)
