"""May this producer write to this stream? Asked once, before the first event.

Two things would break the order without any error ever being raised: a stream that does not go by
the partition key, and a stream that a producer of another mode writes to, under other keys. The
first is a property of the stream, the second is written on it as a tag (`contract.keys.MODE_TAG`).
Both calls are allowed only 20 and 5 times a second per account (Kinesis API reference,
DescribeStreamSummary and ListTagsForStream): one start, one call.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from contract.keys import MODE_TAG
from producer.errors import StreamUnusable
from producer.kinesis import stream_argument

WRITABLE = ("ACTIVE", "UPDATING")
""""Read and write operations continue to work while the stream is in the UPDATING state" (Kinesis
API reference, StreamDescriptionSummary)."""


def objection(summary: Mapping[str, Any], *, written_by: str | None, mode: str) -> str | None:
    """Why a producer of this mode must not write to this stream; None if it may.

    `summary` is a StreamDescriptionSummary, `written_by` the mode that the stream's tag names.
    """
    if summary.get("StreamStatus") not in WRITABLE:
        return f"it is {summary.get('StreamStatus')}; wait until it is ACTIVE"
    if summary.get("RecordDistributionStrategy") == "AUTO":
        return (
            "its record distribution strategy is AUTO, which ignores partition keys and so the"
            " order of events; set it to USER_PARTITION_KEY"
        )
    if written_by not in (None, mode):
        return (
            f"it is tagged {MODE_TAG}={written_by}, and this producer's mode is {mode!r}: one"
            " order's events would get two partition keys; use another stream, or drain this one"
            " and change the tag"
        )
    return None


def guard(client: Any, stream: str, *, mode: str) -> None:
    """Raise `StreamUnusable` unless this mode may write to the stream; mark it if nobody has.

    Two producers of different modes that meet an unmarked stream at the same moment can both pass:
    tag the stream where it is created.
    """
    target = stream_argument(stream)
    try:
        summary = client.describe_stream_summary(**target)["StreamDescriptionSummary"]
        written_by = _mode_tag(client, target)
        problem = objection(summary, written_by=written_by, mode=mode)
        if problem is None and written_by is None:
            client.add_tags_to_stream(Tags={MODE_TAG: mode}, **target)
    except ClientError as error:
        raise StreamUnusable(f"stream {stream}: {_advice(error, mode)}") from error
    except BotoCoreError as error:
        raise StreamUnusable(f"stream {stream}: cannot be reached: {error}") from error
    if problem is not None:
        raise StreamUnusable(f"stream {stream}: {problem}")


def _mode_tag(client: Any, target: Mapping[str, str]) -> str | None:
    # A stream has at most 50 tags and one answer lists as many (API reference, ListTagsForStream).
    tags = client.list_tags_for_stream(**target)["Tags"]
    return next((tag.get("Value") for tag in tags if tag["Key"] == MODE_TAG), None)


def _advice(error: ClientError, mode: str) -> str:
    code = error.response["Error"]["Code"]
    call = error.operation_name
    if code == "ResourceNotFoundException":
        return "does not exist in this account and region"
    if code == "AccessDeniedException" and call == "AddTagsToStream":
        return (
            f"has no tag {MODE_TAG}, and this producer may not set it: tag it {MODE_TAG}={mode},"
            " or allow kinesis:AddTagsToStream"
        )
    if code == "LimitExceededException":
        return f"{call} is asked too often in this account; try again in a moment"
    return (
        f"{call} failed ({code}); the producer needs it to see that the stream keeps order. Where"
        " the endpoint does not know the call or it cannot be allowed, switch the guards off"
    )
