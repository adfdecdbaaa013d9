"""The signals of the last minutes, from CloudWatch in one request.

Names and units are those of the Lambda Developer Guide ("Types of metrics for Lambda functions":
`IteratorAge` in milliseconds) and the Aurora User Guide ("Monitoring RDS Proxy metrics": the borrow
latency in microseconds, counts per underlying host, hence their sums; "Amazon CloudWatch metrics
for Amazon Aurora": percent). Which dimensions the proxy's counts have was read, not tried.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from contract import InorderError
from contract.metrics import NAMESPACE, Metric
from controller.observation import Minute
from controller.settings import Settings

MINUTE = 60
SEEN_MINUTES = 10


class SignalsMissing(InorderError):
    """CloudWatch did not answer, or not wholly: the message is what it said."""


class CloudWatch(Protocol):
    """What is asked of boto3's client."""

    def get_metric_data(self, **request: Any) -> dict[str, Any]: ...


class _Query(NamedTuple):
    name: str
    namespace: str
    metric: str
    statistic: str
    dimensions: Mapping[str, str]


def minutes(cloudwatch: CloudWatch, settings: Settings, now: float) -> tuple[Minute, ...]:
    """The last ten complete minutes, the newest last; raises `SignalsMissing`."""
    end = now - now % MINUTE
    begin = end - SEEN_MINUTES * MINUTE
    found = _ask(cloudwatch, list(_queries(settings)), begin, end)
    return tuple(
        _minute(
            begin + i * MINUTE, {name: values.get(begin + i * MINUTE) for name, values in found}
        )
        for i in range(SEEN_MINUTES)
    )


def _queries(settings: Settings) -> Iterable[_Query]:
    consumer = {"service": "consumer", "stack": settings.stack}
    for name, metric, statistic in (
        ("events", Metric.EVENTS_FINISHED, "Sum"),
        ("batches", Metric.DATABASE_MILLISECONDS, "SampleCount"),
        ("busy", Metric.DATABASE_MILLISECONDS, "Sum"),
        ("worked", Metric.BATCH_MILLISECONDS, "Sum"),
        ("failures", Metric.TRANSIENT_FAILURES, "Sum"),
        ("refused", Metric.BATCHES_REFUSED, "Sum"),
    ):
        yield _Query(name, NAMESPACE, metric, statistic, consumer)
    function = {"FunctionName": settings.function}
    yield _Query("age", "AWS/Lambda", "IteratorAge", "Maximum", function)
    if settings.cluster is not None:
        writer = {"DBClusterIdentifier": settings.cluster, "Role": "WRITER"}
        yield _Query("cpu", "AWS/RDS", "CPUUtilization", "Average", writer)
        yield _Query("capacity", "AWS/RDS", "ACUUtilization", "Average", writer)
    if settings.proxy is not None:
        proxy = {"ProxyName": settings.proxy}
        target = proxy | {"TargetGroup": "default", "TargetRole": "READ_WRITE"}
        yield _Query("borrow", "AWS/RDS", "DatabaseConnectionsBorrowLatency", "Average", proxy)
        yield _Query("used", "AWS/RDS", "DatabaseConnectionsCurrentlyBorrowed", "Sum", proxy)
        yield _Query("allowed", "AWS/RDS", "MaxDatabaseConnectionsAllowed", "Sum", proxy)
        yield _Query("available", "AWS/RDS", "AvailabilityPercentage", "Average", target)


def _ask(
    cloudwatch: CloudWatch, queries: list[_Query], begin: float, end: float
) -> list[tuple[str, dict[float, float]]]:
    request: dict[str, Any] = {
        "MetricDataQueries": [_encode(query) for query in queries],
        "StartTime": datetime.fromtimestamp(begin, UTC),
        "EndTime": datetime.fromtimestamp(end, UTC),
    }
    found: dict[str, dict[float, float]] = {query.name: {} for query in queries}
    while True:
        answer = cloudwatch.get_metric_data(**request)
        for result in answer["MetricDataResults"]:
            if result.get("StatusCode") in ("InternalError", "Forbidden"):
                raise SignalsMissing(f"CloudWatch: {result['Label']}: {result['StatusCode']}")
            times = (at.timestamp() for at in result["Timestamps"])
            found[result["Id"]].update(zip(times, result["Values"], strict=True))
        if not (token := answer.get("NextToken")):
            return list(found.items())
        request["NextToken"] = token


def _encode(query: _Query) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in query.dimensions.items()]
    metric = {
        "Namespace": query.namespace,
        "MetricName": query.metric,
        "Dimensions": dimensions,
    }
    stat = {"Metric": metric, "Period": MINUTE, "Stat": query.statistic}
    return {"Id": query.name, "MetricStat": stat, "ReturnData": True}


def _minute(at: float, seen: Mapping[str, float | None]) -> Minute:
    borrow, used, allowed = seen.get("borrow"), seen.get("used"), seen.get("allowed")
    available = seen.get("available")
    return Minute(
        at=at,
        events=seen["events"] or 0.0,
        batches=seen["batches"] or 0.0,
        worked_ms=seen["worked"] or 0.0,
        busy_ms=seen["busy"] or 0.0,
        failures=seen["failures"] or 0.0,
        refused=seen["refused"] or 0.0,
        iterator_age_ms=seen["age"],
        cpu=seen.get("cpu"),
        capacity=seen.get("capacity"),
        connections=100 * used / allowed if used is not None and allowed else None,
        borrow_ms=None if borrow is None else borrow / 1_000,
        available=None if available is None else available > 0,
    )
