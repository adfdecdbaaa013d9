"""What CloudWatch documents of a dashboard's body (CloudWatch API Reference, "Dashboard Body
Structure and Syntax"): CloudWatch itself cannot be asked here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from tests.observing.printed import Series
from tests.observing.stack import names_in

COLUMNS = 24
MOST_WIDGETS = 500
WIDGET = {"type", "x", "y", "width", "height", "properties"}
METRIC_PROPERTIES = {
    *("accountId", "annotations", "end", "labels", "legend", "liveData", "metrics", "period"),
    *("region", "setPeriodToTimeRange", "singleValueFullPrecision", "sparkline", "stacked"),
    *("start", "stat", "table", "timezone", "title", "view", "yAxis"),
}
PROPERTIES = {
    "metric": METRIC_PROPERTIES,
    "text": {"background", "markdown"},
    "alarm": {"alarms", "sortBy", "states", "title"},
}
VIEWS = {"timeSeries", "singleValue", "gauge", "bar", "pie", "table"}
SORTS = {"default", "stateUpdatedTimestamp", "timestamp"}
RENDERING = {
    *("accountId", "color", "expression", "id", "label", "period", "region", "stat", "visible"),
    "yAxis",
}
AXIS = {"label", "max", "min", "showUnits"}
STATISTIC = re.compile(r"SampleCount|Average|Sum|Minimum|Maximum|p\d{1,2}(\.\d+)?")
PERIODS = {1, 5, 10, 30}


def check_body(text: str) -> dict[str, Any]:
    """The body as JSON; fails where it is not what CloudWatch documents."""
    body: dict[str, Any] = json.loads(text)
    assert body.keys() <= {"end", "periodOverride", "start", "widgets", "variables"}
    assert body.get("periodOverride", "auto") in {"auto", "inherit"}
    assert re.fullmatch(r"-P(T\d+[HM]|\d+[DWM])", body["start"])
    assert 0 < len(body["widgets"]) <= MOST_WIDGETS
    for widget in body["widgets"]:
        _check_widget(widget)
    _check_places(body["widgets"])
    return body


def _check_widget(widget: Mapping[str, Any]) -> None:
    assert widget.keys() == WIDGET, widget
    assert 1 <= widget["width"] <= COLUMNS
    assert 1 <= widget["height"] <= 1_000
    assert 0 <= widget["x"] <= COLUMNS - widget["width"], widget
    assert widget["y"] >= 0
    properties = widget["properties"]
    assert properties.keys() <= PROPERTIES[widget["type"]], properties.keys()
    if widget["type"] == "text":
        assert properties["markdown"]
    elif widget["type"] == "alarm":
        assert 0 < len(properties["alarms"]) <= 100
        assert properties.get("sortBy", "default") in SORTS
    else:
        _check_metrics(properties)


def _check_places(widgets: list[dict[str, Any]]) -> None:
    """No two widgets overlap, and no row is left empty between them."""
    cells = [
        (w["x"] + dx, w["y"] + dy)
        for w in widgets
        for dx in range(w["width"])
        for dy in range(w["height"])
    ]
    assert len(set(cells)) == len(cells), "widgets overlap"
    rows = sorted({y for _, y in cells})
    assert all(b == a + 1 for a, b in pairwise(rows)), "there is a hole"


def _check_metrics(properties: Mapping[str, Any]) -> None:
    assert properties["title"]
    assert properties["region"]
    assert properties.get("view", "timeSeries") in VIEWS
    assert ("sparkline" not in properties) or properties["view"] == "singleValue"
    assert STATISTIC.fullmatch(properties["stat"])
    _check_period(properties["period"])
    for side, axis in properties.get("yAxis", {}).items():
        assert side in {"left", "right"}
        assert axis.keys() <= AXIS, "there is no logarithmic axis, for one"
    for mark in properties.get("annotations", {}).get("horizontal", ()):
        assert isinstance(mark["value"], int | float)
        assert mark["label"]
    ids = [options["id"] for _, options in rows(properties) if "id" in options]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][A-Za-z0-9_]*", one) for one in ids)
    shown = [options for _, options in rows(properties) if options.get("visible", True)]
    assert shown, "nothing is drawn"
    for known, options in rows(properties):
        assert options.keys() <= RENDERING, options
        assert options.get("yAxis", "left") in {"left", "right"}
        assert STATISTIC.fullmatch(options.get("stat", "Sum"))
        _check_period(options.get("period", 60))
        assert (known is None) is ("expression" in options)
        if known is None:
            assert names_in(options["expression"]) <= set(ids), options["expression"]
        elif not options.get("visible", True):
            used = (o["expression"] for _, o in rows(properties) if "expression" in o)
            assert any(options["id"] in names_in(one) for one in used), f"{options} is for nothing"


def _check_period(seconds: int) -> None:
    assert seconds in PERIODS or seconds % 60 == 0


def rows(properties: Mapping[str, Any]) -> Iterator[tuple[Series | None, dict[str, Any]]]:
    """The metrics of a widget with their options; None for an expression."""
    for row in properties["metrics"]:
        *names, options = row if isinstance(row[-1], dict) else [*row, {}]
        if not names:
            yield None, options
            continue
        namespace, metric, *dimensions = names
        assert len(dimensions) % 2 == 0, row
        pairs = zip(dimensions[::2], dimensions[1::2], strict=True)
        yield Series(namespace, metric, frozenset(pairs)), options
