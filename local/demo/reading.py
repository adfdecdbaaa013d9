"""Talks to a database whose connections may break at any time, as the consumer has to."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg

T = TypeVar("T")

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.1


def patiently(work: Callable[[], T]) -> T:
    """What `work` returns, begun anew for up to a minute while its connection breaks; it does no
    harm a second time. Raises `psycopg.OperationalError` if the minute is over.
    """
    ends = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return work()
        except psycopg.OperationalError:
            if time.monotonic() >= ends:
                raise
            time.sleep(_PAUSE_SECONDS)


class Reader:
    """Reads through one connection, which is made anew when it is broken."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def __call__(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        """What `work` reads; it only reads, and may have to do so more than once."""
        return patiently(lambda: work(self._connected()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
        return self._connection
