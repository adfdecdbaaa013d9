"""The real handler in this process, invoked as Lambda would."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from consumer import handler

Answer = dict[str, list[dict[str, str]]]
FINISHED: Answer = {"batchItemFailures": []}


def unfinished_from(sequence_number: int) -> Answer:
    """The answer that asks for this record and all behind it again."""
    return {"batchItemFailures": [{"itemIdentifier": str(sequence_number)}]}


class Context:
    """What the handler asks Lambda: how long it has left."""

    function_name = "consumer"

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1_000)


@contextmanager
def environment(database_url: str, **variables: str) -> Iterator[Callable[..., Answer]]:
    """One execution environment with these variables: gives `invoke(event, seconds=30)`."""
    given = {
        "DATABASE_URL": database_url,
        "PROJECTION": "tests.consuming.journal:Journal",
        "FUSE_SECONDS": "0",  # a test asks again at once
        "CODE_VERSION": "tests",  # else a digest over all tests: the package of the projection
        **variables,
    }
    handler.parts.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        try:
            yield _invoke
        finally:
            if handler.parts.cache_info().currsize:
                handler.parts().database.close()
            handler.parts.cache_clear()


def _invoke(event: Mapping[str, Any], seconds: float = 30.0) -> Answer:
    answer: Answer = handler.handler(event, Context(seconds))
    return answer
