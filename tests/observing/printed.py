"""What functions print, as CloudWatch reads it: log lines, and metrics in the embedded format."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from local.environments.environment import InvocationResult
from local.environments.function import Function
from local.environments.process import ChildProcess

PROJECT = Path(__file__).parents[2]
MOST_VALUES = 100
"""Of one metric in one document (CloudWatch User Guide, embedded metric format, target members)."""


class Series(NamedTuple):
    """One metric as CloudWatch keeps it: name and dimensions make it."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


class Printing:
    """Functions in processes of their own, as Lambda runs them, and what they printed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[ChildProcess] = []

    def start(
        self, name: str, handler: str, *, seconds: float = 30.0, **variables: str
    ) -> Callable[[Mapping[str, Any]], InvocationResult]:
        """Gives a function that invokes this handler in a process with these variables."""
        function = Function(
            name=name,
            handler=handler,
            timeout_seconds=seconds,
            memory_mb=1024,
            code=PROJECT,
            environment={
                "POWERTOOLS_TRACE_DISABLED": "1",
                "RESERVE_SECONDS": "0.3",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                **variables,
            },
        )
        child = ChildProcess(function, log=self._folder / f"{name}.log")
        self._started.append(child)
        return lambda event: child.invoke(json.dumps(event).encode())

    def stop(self) -> None:
        for child in self._started:
            child.stop()

    def text(self) -> str:
        """Everything that was printed."""
        return "".join(log.read_text() for log in sorted(self._folder.glob("*.log")))

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines that are JSON objects."""
        for line in self.text().splitlines():
            if line.startswith("{"):
                yield json.loads(line)


def series(line: Mapping[str, Any]) -> Iterator[tuple[Series, str]]:
    """The metrics of a document, each with its unit; fails where CloudWatch would not read it
    (CloudWatch User Guide, "Specification: Embedded metric format").
    """
    meta = line["_aws"]
    assert isinstance(meta["Timestamp"], int)
    for directive in meta["CloudWatchMetrics"]:
        for keys in directive["Dimensions"]:
            assert len(keys) <= 30
            values = {key: line[key] for key in keys}
            assert all(isinstance(value, str) and value for value in values.values())
            for metric in directive["Metrics"]:
                given = line[metric["Name"]]
                numbers = given if isinstance(given, list) else [given]
                assert 0 < len(numbers) <= MOST_VALUES, metric
                assert all(isinstance(number, int | float) for number in numbers), metric
                key = Series(directive["Namespace"], metric["Name"], frozenset(values.items()))
                yield key, metric["Unit"]
