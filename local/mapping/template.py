"""Reads a function and its event source mapping where SAM reads them: from `template.yaml`."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from local.environments.function import Function
from local.mapping.intrinsics import NO_VALUE, NoParameterValue, Resolver, TemplateProblem, load
from local.mapping.position import AtTimestamp, Latest, Start, TrimHorizon
from local.mapping.settings import UNLIMITED, MappingSettings

_READ = {
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "MetricsConfig",
    "ParallelizationFactor",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Stream",
}
"""Kinesis event properties that are honoured here, or say nothing about delivery. Others
(`FilterCriteria`, `TumblingWindowInSeconds`, …) would be silently missed, so they are refused."""

_REPORT = "ReportBatchItemFailures"


class Template:
    """A SAM template with values for its parameters; names of resources may be given too."""

    def __init__(
        self,
        text: str,
        *,
        parameters: Mapping[str, str] | None = None,
        physical_names: Mapping[str, str] | None = None,
    ) -> None:
        self._document = load(text)
        unknown = (parameters or {}).keys() - self._document.get("Parameters", {}).keys()
        if unknown:
            raise TemplateProblem(f"there is no parameter {', '.join(sorted(unknown))}")
        self._resolver = Resolver(self._document, parameters or {}, physical_names or {})

    @classmethod
    def open(cls, path: Path, **values: Mapping[str, str]) -> Self:
        """Read a file; `parameters` and `physical_names` as for the class."""
        return cls(path.read_text(encoding="utf-8"), **values)

    def parameter(self, name: str) -> Any:
        """The value of a parameter: as given, or its default."""
        return self._resolver.value({"Ref": name})

    def function(
        self,
        logical_id: str,
        *,
        environment: Mapping[str, str] | None = None,
        code: Path | None = None,
    ) -> Function:
        """The function. `environment` adds to and replaces its variables; a variable that needs a
        parameter without a value is left out.
        """
        properties = self._function(logical_id)
        variables = self._variables(logical_id)
        return Function(
            name=str(self._resolver.value(properties.get("FunctionName", logical_id))),
            handler=str(self._resolver.value(properties["Handler"])),
            timeout_seconds=float(self._resolver.value(properties.get("Timeout", 3))),
            memory_mb=int(self._resolver.value(properties.get("MemorySize", 128))),
            environment={**variables, **(environment or {})},
            code=code,
        )

    def reserved_concurrency(self, logical_id: str) -> int | None:
        """ReservedConcurrentExecutions; None where nothing is reserved."""
        raw = self._function(logical_id).get("ReservedConcurrentExecutions", NO_VALUE)
        value = self._resolver.value(raw)
        return None if value is NO_VALUE else int(value)

    def mapping(self, logical_id: str, event: str) -> MappingSettings:
        """The settings of this function's Kinesis event, defaults filled in as Lambda does."""
        properties = self._kinesis(logical_id, event)
        value = {key: self._resolver.value(item) for key, item in properties.items()}
        given = {key: item for key, item in value.items() if item is not NO_VALUE}
        return MappingSettings(
            batch_size=_whole(given, "BatchSize", 100),
            window_seconds=_whole(given, "MaximumBatchingWindowInSeconds", 0),
            parallelization_factor=_whole(given, "ParallelizationFactor", 1),
            bisect_on_error=_truth(given, "BisectBatchOnFunctionError", default=False),
            maximum_retry_attempts=_whole(given, "MaximumRetryAttempts", UNLIMITED),
            maximum_record_age_seconds=_whole(given, "MaximumRecordAgeInSeconds", UNLIMITED),
            report_batch_item_failures=_REPORT in given.get("FunctionResponseTypes", []),
            starting_position=_start(given),
            enabled=_truth(given, "Enabled", default=True),
        )

    def on_failure(self, logical_id: str, event: str) -> str | None:
        """Where discarded batches go: the destination, as far as it can be told here."""
        config = self._resolver.value(self._kinesis(logical_id, event).get("DestinationConfig", {}))
        destination = config.get("OnFailure", {}).get("Destination")
        return None if destination is None else str(destination)

    def _function(self, logical_id: str) -> dict[str, Any]:
        resource = self._document.get("Resources", {}).get(logical_id, {})
        if resource.get("Type") != "AWS::Serverless::Function":
            raise TemplateProblem(f"{logical_id} is not an AWS::Serverless::Function")
        shared = self._document.get("Globals", {}).get("Function", {})
        return {**shared, **resource.get("Properties", {})}

    def _kinesis(self, logical_id: str, event: str) -> dict[str, Any]:
        source = self._function(logical_id).get("Events", {}).get(event, {})
        if source.get("Type") != "Kinesis":
            raise TemplateProblem(f"{logical_id} has no Kinesis event {event}")
        properties: dict[str, Any] = source.get("Properties", {})
        unknown = ", ".join(sorted(properties.keys() - _READ))
        if unknown:
            raise TemplateProblem(f"{logical_id}.{event}: not supported here: {unknown}")
        return properties

    def _variables(self, logical_id: str) -> dict[str, str]:
        resource = self._document["Resources"][logical_id].get("Properties", {})
        shared = self._document.get("Globals", {}).get("Function", {})
        raw: dict[str, Any] = {}
        for properties in (shared, resource):
            raw.update(properties.get("Environment", {}).get("Variables", {}))
        variables: dict[str, str] = {}
        for name, item in raw.items():
            try:
                value = self._resolver.value(item)
            except NoParameterValue:
                continue
            if value is not NO_VALUE:
                variables[name] = str(value)
        return variables


def _whole(given: Mapping[str, Any], name: str, default: int) -> int:
    value = given.get(name, default)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise TemplateProblem(f"{name} is {value!r}, not a whole number") from None


def _truth(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = given.get(name, default)
    if str(value).lower() not in {"true", "false"}:
        raise TemplateProblem(f"{name} is {value!r}, not true or false")
    return str(value).lower() == "true"


def _start(given: Mapping[str, Any]) -> Start:
    match given.get("StartingPosition"):
        case "TRIM_HORIZON":
            return TrimHorizon()
        case "LATEST":
            return Latest()
        case "AT_TIMESTAMP":
            at = given.get("StartingPositionTimestamp")
            seconds = at.timestamp() if isinstance(at, datetime) else float(at or 0)
            return AtTimestamp(round(seconds * 1000))
        case other:
            raise TemplateProblem(f"StartingPosition is {other!r}")
