"""Where records go that the mapping gave up on: the on-failure destination.

An S3 destination gets one JSON object per batch, with the whole Lambda event in it as an escaped
JSON string, under `aws/lambda/<mapping UUID>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<random UUID>`
(Lambda Developer Guide, "Retain discarded batch records for a Kinesis Data Streams event source").
`S3` puts them there; `Folder` keeps the same objects as files under the same keys.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from local.mapping.facts import Discard, FunctionFailed
from local.mapping.lambda_event import StreamIdentity, event_of


class MappingIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What an invocation record says about the mapping; `stream` about the stream."""

    mapping_id: str
    function_arn: str
    stream: StreamIdentity


class OnFailureDestination(Protocol):
    """Takes what the mapping gave up; `deliver` returns when it is kept, or raises."""

    def deliver(self, discard: Discard, now: int) -> None: ...


class S3:
    """A bucket, through a boto3 client; whatever it cannot keep is an OSError."""

    def __init__(self, client: Any, bucket: str, identity: MappingIdentity) -> None:
        self._client = client
        self._bucket = bucket
        self._identity = identity

    def deliver(self, discard: Discard, now: int) -> None:
        key = object_key(self._identity, discard, now, str(uuid4()))
        document = invocation_record(self._identity, discard, now, str(uuid4()))
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=json.dumps(document))
        except (BotoCoreError, ClientError) as error:
            raise OSError(f"s3://{self._bucket}/{key}: {error}") from error


class Folder:
    """An S3 bucket's objects as files below `root`; a write is complete or absent."""

    def __init__(
        self,
        root: Path,
        identity: MappingIdentity,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._root = root
        self._identity = identity
        self._new_id = new_id

    def deliver(self, discard: Discard, now: int) -> None:
        path = self._root / object_key(self._identity, discard, now, self._new_id())
        path.parent.mkdir(parents=True, exist_ok=True)
        document = invocation_record(self._identity, discard, now, self._new_id())
        part = path.with_name(f".{path.name}.part")
        with part.open("w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def object_key(identity: MappingIdentity, discard: Discard, now: int, unique: str) -> str:
    """The S3 key of an object written at `now`, in milliseconds since 1970."""
    at = _time(now)
    return (
        f"aws/lambda/{identity.mapping_id}/{discard.shard_id}/"
        f"{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}-{unique}"
    )


def invocation_record(
    identity: MappingIdentity, discard: Discard, now: int, request_id: str
) -> dict[str, Any]:
    """The document an S3 destination gets; SQS and SNS get it without `payload`."""
    first, last = discard.records[0], discard.records[-1]
    record: dict[str, Any] = {
        "requestContext": {
            "requestId": request_id,
            "functionArn": identity.function_arn,
            "condition": discard.condition.value,
            "approximateInvokeCount": discard.attempts,
        },
        "responseContext": _response(discard),
        "version": "1.0",
        "timestamp": _iso(now),
        "KinesisBatchInfo": {
            "shardId": discard.shard_id,
            "startSequenceNumber": first.sequence_text,
            "endSequenceNumber": last.sequence_text,
            "approximateArrivalOfFirstRecord": _iso(first.arrived_ms),
            "approximateArrivalOfLastRecord": _iso(last.arrived_ms),
            "batchSize": len(discard.records),
            "streamArn": identity.stream.stream_arn,
        },
        "payload": event_of(discard.records).decode("ascii"),
    }
    if discard.attempts == 0:
        del record["responseContext"]  # nothing was invoked, so nothing responded
    return record


def _response(discard: Discard) -> dict[str, Any]:
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
    if isinstance(discard.last_outcome, FunctionFailed):
        response["functionError"] = "Unhandled"
    return response


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _iso(milliseconds: int) -> str:
    at = _time(milliseconds)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
