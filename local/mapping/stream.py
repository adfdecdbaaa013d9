"""Reading a Kinesis stream over boto3, in the mapping's words."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from contract.errors import InorderError
from local.mapping.facts import ListedShard, Record
from local.mapping.lambda_event import StreamIdentity, event_record
from local.mapping.position import After, AtTimestamp, Latest, ReadFrom, TrimHorizon


class ReadFailed(InorderError):
    """The stream did not answer this time; the same read may be tried again."""


class IteratorExpired(ReadFailed):
    """A shard iterator outlived its five minutes (Kinesis API reference, GetShardIterator)."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of GetRecords. `next_iterator` None: the end of a closed shard."""

    records: tuple[Record, ...]
    next_iterator: str | None
    millis_behind: int


class KinesisStream:
    """One stream; every method raises `ReadFailed` for whatever the endpoint could not do."""

    def __init__(self, client: Any, identity: StreamIdentity) -> None:
        self._client = client
        self.identity = identity

    def shards(self) -> tuple[ListedShard, ...]:
        """Every shard that the stream lists, closed ones too."""
        arguments: dict[str, str] = {"StreamName": self.identity.stream_name}
        listed: list[ListedShard] = []
        while True:
            page = self._ask("list_shards", arguments)
            listed.extend(_listed(shard) for shard in page["Shards"])
            if not page.get("NextToken"):
                return tuple(listed)
            arguments = {"NextToken": page["NextToken"]}

    def iterator(self, shard_id: str, position: ReadFrom) -> str:
        """A shard iterator for this position."""
        arguments = {"StreamName": self.identity.stream_name, "ShardId": shard_id}
        answer = self._ask("get_shard_iterator", arguments | _iterator_type(position))
        return str(answer["ShardIterator"])

    def page(self, shard_id: str, iterator: str, limit: int) -> Page:
        """Up to `limit` records from here on."""
        answer = self._ask("get_records", {"ShardIterator": iterator, "Limit": limit})
        return Page(
            records=tuple(event_record(self.identity, shard_id, r) for r in answer["Records"]),
            next_iterator=answer.get("NextShardIterator") or None,
            millis_behind=answer.get("MillisBehindLatest") or 0,
        )

    def _ask(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**arguments)
        except ClientError as error:
            expired = error.response["Error"]["Code"] == "ExpiredIteratorException"
            raise (IteratorExpired if expired else ReadFailed)(f"{operation}: {error}") from error
        except BotoCoreError as error:
            raise ReadFailed(f"{operation}: {error}") from error
        return answer


def _listed(shard: dict[str, Any]) -> ListedShard:
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    return ListedShard(shard_id=shard["ShardId"], parents=tuple(p for p in parents if p))


def _iterator_type(position: ReadFrom) -> dict[str, Any]:
    match position:
        case TrimHorizon():
            return {"ShardIteratorType": "TRIM_HORIZON"}
        case Latest():
            return {"ShardIteratorType": "LATEST"}
        case AtTimestamp(milliseconds=at):
            timestamp = datetime.fromtimestamp(at / 1000, UTC)
            return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": timestamp}
        case After(sequence_number=number):
            return {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "StartingSequenceNumber": number,
            }
