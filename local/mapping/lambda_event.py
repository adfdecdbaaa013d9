"""Kinesis records as Lambda shows them to the function.

Source of the form: Lambda Developer Guide, "Using Lambda to process records from Amazon Kinesis
Data Streams", example event. A record is written once, when it is read: its bytes are what the
payload limit counts, and every (re)try joins them.
"""

import json
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, NamedTuple

from local.mapping.facts import Record


class StreamIdentity(NamedTuple):
    """What every record of a mapping says about where it came from."""

    stream_arn: str
    role_arn: str = "arn:aws:iam::000000000000:role/local"

    @property
    def region(self) -> str:
        return self.stream_arn.split(":")[3]

    @property
    def stream_name(self) -> str:
        return self.stream_arn.split("/", 1)[1]


def event_record(stream: StreamIdentity, shard_id: str, record: dict[str, Any]) -> Record:
    """A record of boto3's GetRecords, written for the Lambda event."""
    sequence = record["SequenceNumber"]
    key = record["PartitionKey"]
    arrived = record["ApproximateArrivalTimestamp"].timestamp()
    body = (
        f'{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":{json.dumps(key)},'
        f'"sequenceNumber":"{sequence}","data":"{b64encode(record["Data"]).decode("ascii")}",'
        f'"approximateArrivalTimestamp":{arrived:.3f}}},'
        f'"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"{shard_id}:{sequence}",'
        f'"eventName":"aws:kinesis:record","invokeIdentityArn":"{stream.role_arn}",'
        f'"awsRegion":"{stream.region}","eventSourceARN":"{stream.stream_arn}"}}'
    ).encode("ascii")
    return Record(
        sequence_number=int(sequence),
        sequence_text=sequence,
        partition_key=key,
        arrived_ms=round(arrived * 1000),
        size=len(body),
        body=body,
    )


def event_of(records: Iterable[Record]) -> bytes:
    """The Lambda event of a batch, as JSON."""
    return b'{"Records":[' + b",".join(record.body for record in records) + b"]}"
