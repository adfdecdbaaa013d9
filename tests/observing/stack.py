"""stacks/observability.yaml as CloudFormation would make it of parameters."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.mapping.intrinsics import NO_VALUE, load
from tests.observing.printed import Series
from tests.packaging.rules import RuleResolver

FILE = Path(__file__).parents[2] / "stacks/observability.yaml"
TEMPLATE = load(FILE.read_text())

STACK = "shop"
EVERYTHING = {
    "StackName": STACK,
    "Environment": "prod",
    "StreamName": "shop-EventStream",
    "StreamRetentionHours": "168",
    "MappingId": "0f1e2d3c-0000-4000-8000-000000000000",
    "ProducerFunctionName": "shop-Producer",
    "ConsumerFunctionName": "shop-Consumer",
    "RedriveFunctionName": "shop-Redrive",
    "AuditorFunctionName": "shop-Auditor",
    "ControllerFunctionName": "shop-Controller",
    "ApiId": "a1b2c3",
    "ProxyName": "shop-proxy",
    "ClusterId": "shop-cluster",
    "AlarmEmail": "team@example.com",
    "PageEmail": "on-call@example.com",
    "KeyArn": "",
}
LEAST = EVERYTHING | dict.fromkeys(
    ("ControllerFunctionName", "ApiId", "ProxyName", "ClusterId", "AlarmEmail", "PageEmail"), ""
)


def made_of(given: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The resources there are with these parameters, their properties resolved."""
    names = {
        name: given["StackName"] + "-" + name
        if made["Type"].startswith("AWS::CloudWatch::")
        else name
        for name, made in TEMPLATE["Resources"].items()
    }
    resolver = RuleResolver(TEMPLATE, given, names)
    return {
        name: {
            "Type": made["Type"],
            "Properties": without_nothing(resolver.value(made["Properties"])),
        }
        for name, made in TEMPLATE["Resources"].items()
        if "Condition" not in made or resolver.value({"Condition": made["Condition"]})
    }


def without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nothing(v) for k, v in value.items() if v is not NO_VALUE}
    if isinstance(value, list):
        return [without_nothing(part) for part in value if part is not NO_VALUE]
    return value


def alarms(given: Mapping[str, str] = EVERYTHING) -> dict[str, dict[str, Any]]:
    """The metric alarms by their logical name."""
    return {
        name: made["Properties"]
        for name, made in made_of(given).items()
        if made["Type"] == "AWS::CloudWatch::Alarm"
    }


def series_of(alarm: Mapping[str, Any]) -> Iterator[tuple[Series, str]]:
    """The metrics an alarm looks at, each with its statistic."""
    if "MetricName" in alarm:
        yield _series(alarm), alarm.get("Statistic") or alarm["ExtendedStatistic"]
    for query in alarm.get("Metrics", ()):
        if "MetricStat" in query:
            yield _series(query["MetricStat"]["Metric"]), query["MetricStat"]["Stat"]


def _series(metric: Mapping[str, Any]) -> Series:
    pairs = ((one["Name"], one["Value"]) for one in metric["Dimensions"])
    return Series(metric["Namespace"], metric["MetricName"], frozenset(pairs))


FUNCTIONS = {"ABS", "FILL", "IF", "LOG10", "MAX", "MIN", "SUM"}
"""Of CloudWatch's metric math, what is used here (User Guide, "Using math expressions")."""


def names_in(expression: str) -> set[str]:
    """The ids an expression is made of; fails for a function that CloudWatch does not have."""
    words = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", expression)
    called = set(re.findall(r"([A-Za-z_][A-Za-z0-9_]*)\(", expression))
    assert called <= FUNCTIONS, expression
    return set(words) - called - {"AND", "OR", "REPEAT"}
