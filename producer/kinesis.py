"""The stream as the producer sees it: put a request, get one outcome per record.

Every error that botocore or Kinesis knows is translated here, once. The client must not retry by
itself: a retry that nobody sees could still be on its way when the producer has answered.
"""

from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore import exceptions as vendor
from botocore.config import Config

from contract import InorderError
from producer.aggregation import record_data
from producer.errors import InvalidSetting
from producer.outcomes import (
    Accepted,
    Failure,
    Outcome,
    Refused,
    Suspect,
    Unanswered,
    failure_of_record,
    failure_of_request,
)
from producer.records import Record, Request
from producer.settings import ProducerSettings

NEVER_LEFT = (
    vendor.EndpointConnectionError,
    vendor.ConnectTimeoutError,
    vendor.ProxyConnectionError,
    vendor.NoCredentialsError,
    vendor.PartialCredentialsError,
    vendor.CredentialRetrievalError,
    vendor.TokenRetrievalError,
    vendor.UnauthorizedSSOTokenError,
)
"""Raised before the first byte of the request: no connection, or nothing to sign it with."""


def kinesis_client(settings: ProducerSettings, **options: Any) -> Any:
    """A Kinesis client that fits: no retries, time-outs, a connection for each thread.

    `options` are those of `boto3.client`, such as `endpoint_url` or `region_name`. It is made by
    botocore, as boto3 does: importing boto3 besides would double the function's cold start.
    """
    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        max_pool_connections=settings.max_requests_in_flight,
        tcp_keepalive=True,
        parameter_validation=False,  # a third of what a record costs; `Stream` makes them itself
    )
    return botocore.session.get_session().create_client("kinesis", config=config, **options)


def stream_argument(stream: str) -> dict[str, str]:
    """How a Kinesis call names this stream, which is given by name or by ARN."""
    return {"StreamARN": stream} if stream.startswith("arn:") else {"StreamName": stream}


class Stream:
    """One Kinesis stream, written to through a boto3 or botocore client.

    Raises `InvalidSetting` if the client would repeat requests by itself.
    """

    def __init__(self, stream: str, client: Any) -> None:
        if (client.meta.config.retries or {}).get("total_max_attempts") != 1:
            raise InvalidSetting(
                "client: retries by itself; make it with producer.kinesis_client, or with"
                " Config(retries={'total_max_attempts': 1})"
            )
        self._stream = stream_argument(stream)
        self._client = client

    def put(self, request: Request) -> list[Outcome]:
        """Put the records; one outcome for each, in their order. Never raises."""
        try:
            records = [_entry(record) for record in request.records]
            answer = self._client.put_records(Records=records, **self._stream)
            return _outcomes(request, answer)
        except Exception as error:  # noqa: BLE001 - whatever happened, the records are unresolved
            return [_failure(error)] * len(request.records)


def _entry(record: Record) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "PartitionKey": record.key.partition_key,
        "Data": record_data(record.events),
    }
    if record.key.explicit_hash_key is not None:
        entry["ExplicitHashKey"] = record.key.explicit_hash_key
    return entry


def _outcomes(request: Request, answer: Mapping[str, Any]) -> list[Outcome]:
    """Entries answer records "using natural ordering" (Kinesis API reference, PutRecords)."""
    entries = answer["Records"]
    if len(entries) != len(request.records):
        detail = f"{len(entries)} entries answer {len(request.records)} records"
        return [Unanswered(code="MalformedAnswer", detail=detail)] * len(request.records)
    return [_outcome(entry) for entry in entries]


def _outcome(entry: Mapping[str, Any]) -> Outcome:
    if code := entry.get("ErrorCode"):
        return failure_of_record(code=code, detail=entry.get("ErrorMessage") or "no message")
    try:
        return Accepted(shard_id=entry["ShardId"], sequence_number=int(entry["SequenceNumber"]))
    except (KeyError, ValueError) as error:
        return Unanswered(code="MalformedAnswer", detail=f"an entry without {error}")


def _failure(error: Exception) -> Failure:
    code, detail = type(error).__name__, str(error)
    if isinstance(error, vendor.ClientError):
        said = error.response.get("Error", {})
        return failure_of_request(
            code=str(said.get("Code", "Unknown")),
            detail=str(said.get("Message") or error),
            status=int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)),
        )
    if isinstance(error, NEVER_LEFT):
        return Refused(code=code, detail=detail)
    if isinstance(error, (vendor.ParamValidationError, InorderError)):
        return Suspect(code=code, detail=detail)
    return Unanswered(code=code, detail=detail)
