"""Ours: the handler that is deployed, with everything on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from aws_lambda_powertools.utilities.typing import LambdaContext

from bench.consumer.feed import Context, Feed
from bench.workload import Workload
from contract import InorderError


class Unfinished(InorderError):
    """The handler has asked for a part of the batch again."""


class Ours:
    """The consumer's Lambda handler in this process."""

    def __init__(self, feed: Feed, batches: int) -> None:
        from consumer import handler  # noqa: PLC0415 - it is set up by what the environment says

        self._handler = handler.handler
        self._feed = feed
        self._batches = batches

    def prepare(self, turn: int) -> list[dict[str, Any]]:  # noqa: ARG002 - turns come one by one
        return [self._feed.batch() for _ in range(self._batches)]

    def work(self, events: list[dict[str, Any]], /) -> int:
        for event in events:
            answer = self._handler(event, cast("LambdaContext", Context()))
            if answer != {"batchItemFailures": []}:
                raise Unfinished(f"the handler answered {answer}")
        return sum(len(event["Records"]) for event in events)


@contextmanager
def start(
    *,
    database_url: str,
    workload: Workload,
    batch: int,
    batches: int = 1,
    variables: dict[str, str] | None = None,
) -> Iterator[Ours]:
    """One execution environment; a turn is so many batches. `variables` are its settings beside
    the database.
    """
    os.environ.update({"DATABASE_URL": database_url, **(variables or {})})
    yield Ours(Feed(workload, batch), batches)
