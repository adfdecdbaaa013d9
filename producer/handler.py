"""Lambda behind an HTTP API: takes one event or a list, answers when the stream has them.

Nothing is kept between requests. When it answers, nothing is buffered, in flight or paused: a
request that left something behind would have it sent whenever the frozen process wakes up, maybe
long after a newer event of the same order went through another one.
"""

import os
from collections import Counter
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from contract.metrics import NAMESPACE, Metric, dimensions
from producer.answers import answer, answer_invalid, answer_unavailable
from producer.body import BadRequest, read_events
from producer.configuration import Configuration, read_configuration
from producer.delivery import Result, deliver
from producer.errors import SendError, StreamUnusable, Unknown
from producer.guards import guard
from producer.kinesis import Stream, kinesis_client

logger = Logger(service="producer")
metrics = Metrics(namespace=NAMESPACE, service="producer")
metrics.set_default_dimensions(**dimensions())


@cache
def configuration() -> Configuration:
    """Read at the first request of a process; raises `InvalidSetting` naming the variable."""
    return read_configuration(os.environ)


@cache
def open_stream() -> Stream:
    """The stream, guarded once per process; a refusal is not remembered, but asked for again."""
    settings = configuration()
    client = kinesis_client(settings.producer)
    if settings.producer.guards:
        guard(client, settings.stream, mode=settings.strategy.mode)
    return Stream(settings.stream, client)


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
def handler(request: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """An API Gateway request (payload 1.0 or 2.0) in, its answer out; see `producer.answers`."""
    count(Metric.REQUESTS)
    count(Metric.COLD_STARTS, int(not configuration.cache_info().currsize))
    settings = configuration()
    try:
        read = read_events(request, max_bytes=settings.max_body_bytes)
    except BadRequest as error:
        count(Metric.REQUESTS_INVALID)
        return answer_invalid(error)
    events = [event for event, _ in read]
    try:
        stream = open_stream()
    except StreamUnusable as error:
        logger.exception("the stream cannot be used")
        count(Metric.EVENTS_NOT_SENT, len(events))
        return answer_unavailable(events, str(error))
    remaining = context.get_remaining_time_in_millis() / 1000
    seconds = remaining - settings.answer_margin - settings.attempt_seconds
    if seconds <= 0:
        count(Metric.EVENTS_NOT_SENT, len(events))
        return answer_unavailable(events, f"{remaining:.1f} s left are too few to send anything")
    results = deliver(
        read,
        stream=stream,
        strategy=settings.strategy,
        settings=settings.producer,
        seconds=seconds,
    )
    report(results)
    return answer(events, results)


def count(name: Metric, number: int = 1) -> None:
    """Add to one of the function's metrics."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)


def report(results: list[Result]) -> None:
    """Count what became of the events, and log each failure by its names, never its payload."""
    counts = Counter(_metric(result) for result in results)
    for name, number in counts.items():
        count(name, number)
    failures = [result for result in results if isinstance(result, SendError)]
    if failures:
        first = failures[0]
        logger.warning(
            "events without a receipt",
            extra={
                "failed": len(failures),
                "event_id": str(first.event_id),
                "order_id": first.order_id,
                "code": first.code,
            },
        )


def _metric(result: Result) -> Metric:
    if not isinstance(result, SendError):
        return Metric.EVENTS_SENT
    return Metric.EVENTS_UNKNOWN if isinstance(result, Unknown) else Metric.EVENTS_NOT_SENT
