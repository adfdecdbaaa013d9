"""Four ways of getting events onto a stream, each a contestant: ours, and what people use.

Every turn sends the workload's next events and ends when the stream has all of them. All ways are
given the same number of connections, and repeat what is throttled until it is taken, waiting as the
AWS SDKs do (full jitter, 50 ms to 2 s); async-kinesis has its own way of doing so. Only ours and
`sequential` keep the order.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import ClientError

from bench.producer.endpoint import empty
from bench.workload import Sent, Workload
from contract.keys import STRATEGIES
from producer import Producer, ProducerSettings, kinesis_client

CONNECTIONS = 4
"""Requests at once, which is our default."""

MOST_RECORDS = 500
_MINUTES = 300.0
_PACE_SECONDS = 0.005
_CREDENTIALS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
}


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What a contestant is given: where to send which events, how many a turn, and how many a
    second (0: as fast as they go). `limited` is whether there are shards to empty before a turn.
    """

    url: str
    stream: str
    workload: Workload
    events: int
    rate: int = 0
    limited: bool = True


class Way:
    """The half that all ways share: a turn's events, and shards that saved nothing up."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._events = course.workload.events()

    def prepare(self, _turn: int) -> list[Sent]:
        """The next events; the shards' tokens are emptied last."""
        events = list(islice(self._events, self._course.events))
        if self._course.limited:
            empty(self._course.url, self._course.stream)
        return events


class Ours(Way):
    """The producer as it is shipped, with time enough to wait for shards."""

    def __init__(self, course: Course, producer: Producer) -> None:
        super().__init__(course)
        self._producer = producer

    def work(self, events: list[Sent], /) -> int:
        """Every future has its receipt, or this raises."""
        send = self._producer.send
        futures = [send(event.data) for event in paced(events, self._course.rate)]
        for future in futures:
            future.result()
        return len(futures)


@contextmanager
def ours(course: Course, mode: str = "order", record_linger: float | None = None) -> Iterator[Ours]:
    """Ours, in `order` or `bucket` mode."""
    settings = ProducerSettings(
        delivery_timeout=_MINUTES,
        block_timeout=_MINUTES,
        max_requests_in_flight=CONNECTIONS,
        read_timeout=30,
        record_linger=record_linger,
    )
    client = kinesis_client(settings, endpoint_url=course.url, **_CREDENTIALS)
    strategy = STRATEGIES[mode]()
    with Producer(course.stream, client, strategy=strategy, settings=settings) as producer:
        yield Ours(course, producer)


class Sequential(Way):
    """PutRecord, one event after the other, each behind its order's last
    (`SequenceNumberForOrdering`): how Kinesis documents order.
    """

    def __init__(self, course: Course, client: Any) -> None:
        super().__init__(course)
        self._client = client
        self._last: dict[str, str] = {}

    def work(self, events: list[Sent], /) -> int:
        for event in events:
            self._last[event.order_id] = self._put(event)
        return len(events)

    def _put(self, event: Sent) -> str:
        behind = self._last.get(event.order_id)
        more = {} if behind is None else {"SequenceNumberForOrdering": behind}
        attempts = 0
        while True:
            try:
                answer = self._client.put_record(
                    StreamName=self._course.stream,
                    PartitionKey=event.order_id,
                    Data=event.data,
                    **more,
                )
            except ClientError:
                attempts += 1
                time.sleep(_wait(attempts))
            else:
                return str(answer["SequenceNumber"])


@contextmanager
def sequential(course: Course) -> Iterator[Sequential]:
    yield Sequential(course, _client(course))


class Unordered(Way):
    """PutRecords with 500 events at a time on as many threads as we have, failed ones again."""

    def __init__(self, course: Course, client: Any) -> None:
        super().__init__(course)
        self._client = client

    def work(self, events: list[Sent], /) -> int:
        records = [{"PartitionKey": event.order_id, "Data": event.data} for event in events]
        requests = iter(range(0, len(records), MOST_RECORDS))
        lock = threading.Lock()
        failed: list[dict[str, Any]] = []

        def put_all() -> None:
            while True:
                with lock:
                    begin = next(requests, None)
                if begin is None:
                    return
                left = self._put(records[begin : begin + MOST_RECORDS])
                with lock:
                    failed.extend(left)

        attempts = 0
        while True:
            threads = [threading.Thread(target=put_all) for _ in range(CONNECTIONS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if not failed:
                return len(events)
            attempts = attempts + 1 if len(failed) == len(records) else 1
            time.sleep(_wait(attempts))
            records, failed = failed, []
            requests = iter(range(0, len(records), MOST_RECORDS))

    def _put(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = self._client.put_records(StreamName=self._course.stream, Records=records)
        if not answer["FailedRecordCount"]:
            return []
        entries = zip(records, answer["Records"], strict=True)
        return [record for record, entry in entries if "ErrorCode" in entry]


@contextmanager
def unordered(course: Course) -> Iterator[Unordered]:
    yield Unordered(course, _client(course))


def _client(course: Course) -> Any:
    config = Config(max_pool_connections=CONNECTIONS, read_timeout=30)
    return boto3.client("kinesis", endpoint_url=course.url, config=config, **_CREDENTIALS)


def _wait(attempts: int) -> float:
    return random.random() * min(2.0, 0.05 * 2.0 ** (attempts - 1))  # noqa: S311 - spreads retries


def paced(events: list[Sent], rate: int) -> Iterator[Sent]:
    """The events, so many a second."""
    began = time.monotonic()
    for number, event in enumerate(events):
        yield event
        ahead = number / rate - (time.monotonic() - began) if rate else 0.0
        if ahead > _PACE_SECONDS:
            time.sleep(ahead)
