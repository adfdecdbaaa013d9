"""Batches in the form in which Lambda hands them over."""

import base64
from collections.abc import Iterable
from typing import Any

from contract import Event, encode_event

_SHARD = "shardId-000000000000"
_ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/orders"


def batch(*records: tuple[str, bytes], start: int = 1) -> dict[str, Any]:
    """The Lambda event of Kinesis records with these partition keys and data, at sequence numbers
    from `start` on (Lambda Developer Guide, "Using Lambda with Kinesis").
    """
    return {"Records": [_record(start + i, key, data) for i, (key, data) in enumerate(records)]}


def batch_of(events: Iterable[Event | bytes], *, start: int = 1, key: str = "A") -> dict[str, Any]:
    """One plain record per event, under its order's key; bytes that are no event under `key`."""
    return batch(
        *(
            (key, item) if isinstance(item, bytes) else (item.order_id, encode_event(item))
            for item in events
        ),
        start=start,
    )


def _record(sequence_number: int, partition_key: str, data: bytes) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": str(sequence_number),
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1777896000.123,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{_SHARD}:{sequence_number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::111122223333:role/consumer",
        "awsRegion": "eu-west-1",
        "eventSourceARN": _ARN,
    }
