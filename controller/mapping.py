"""The event source mapping and its stream, through the APIs of Lambda and Kinesis."""

from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from contract import InorderError
from controller.observation import Mapping, MappingState
from controller.state import Wanted

_LATER = frozenset(("ResourceInUseException", "ResourceConflictException"))
_OFTEN = frozenset(("TooManyRequestsException", "ThrottlingException"))


class NotActuated(InorderError):
    """Lambda took no update now; the next period decides anew. The message is what it said."""


class MappingUnknown(InorderError):
    """The mapping or its stream could not be looked at; the message is why."""


class Lambda(Protocol):
    """What is asked of boto3's client."""

    def get_event_source_mapping(self, **request: Any) -> dict[str, Any]: ...

    def update_event_source_mapping(self, **request: Any) -> dict[str, Any]: ...


class Kinesis(Protocol):
    """What is asked of boto3's client."""

    def describe_stream_summary(self, **request: Any) -> dict[str, Any]: ...


def look(client: Lambda, uuid: str) -> Mapping:
    """The mapping as it is; raises `MappingUnknown`."""
    try:
        found = client.get_event_source_mapping(UUID=uuid)
    except (BotoCoreError, ClientError) as error:
        raise MappingUnknown(f"event source mapping {uuid}: {error}") from error
    return Mapping(
        state=MappingState(found["State"]),
        factor=found.get("ParallelizationFactor", 1),
        batch_size=found["BatchSize"],
        window=found.get("MaximumBatchingWindowInSeconds", 0),
    )


def shards_and_retention(client: Kinesis, stream: str) -> tuple[int, float]:
    """Open shards, and the retention in seconds; raises `MappingUnknown`."""
    try:
        found = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    except (BotoCoreError, ClientError) as error:
        raise MappingUnknown(f"stream {stream}: {error}") from error
    return max(1, found["OpenShardCount"]), 3_600.0 * found["RetentionPeriodHours"]


def change(wanted: Wanted, real: Mapping) -> dict[str, Any]:
    """The request that makes the mapping what is wanted: only what differs, {} for nothing."""
    enabled = real.state is not MappingState.DISABLED
    pairs = {
        "Enabled": (wanted.enabled, enabled),
        "ParallelizationFactor": (wanted.factor, real.factor),
        "BatchSize": (wanted.batch_size, real.batch_size),
        "MaximumBatchingWindowInSeconds": (wanted.window, real.window),
    }
    return {name: new for name, (new, old) in pairs.items() if new != old}


def actuate(client: Lambda, uuid: str, change: dict[str, Any]) -> None:
    """Ask for it; raises `NotActuated`. An update takes effect in place, at the same position."""
    try:
        client.update_event_source_mapping(UUID=uuid, **change)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _LATER:
            raise NotActuated(f"the mapping is being changed by somebody else: {code}") from error
        if code in _OFTEN:
            raise NotActuated(f"Lambda's API is asked too often in this account: {code}") from error
        raise NotActuated(f"Lambda refused the update {change}: {error}") from error
    except BotoCoreError as error:
        raise NotActuated(f"Lambda did not answer: {error}") from error
