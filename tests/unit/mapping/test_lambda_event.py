"""Records as Lambda shows them, and the destination's documents, byte for byte."""

import base64
import json
from datetime import UTC, datetime

import pytest

from local.mapping.facts import Answered, Condition, Discard, FunctionFailed
from local.mapping.lambda_event import StreamIdentity, event_of, event_record
from local.mapping.on_failure import Folder, MappingIdentity, object_key

STREAM = StreamIdentity("arn:aws:kinesis:eu-west-1:123456789012:stream/orders")
IDENTITY = MappingIdentity(
    mapping_id="f89f8514-cdd9-4602-9e1f-01a5b77d449b",
    function_arn="arn:aws:lambda:eu-west-1:123456789012:function:consumer",
    stream=STREAM,
)
ARRIVED = datetime(2026, 11, 14, 0, 38, 4, 835_000, tzinfo=UTC)
ARRIVED_MS = 1_794_616_684_835


def kinesis_record(**changes):
    return {
        "SequenceNumber": "49601189658422359378836298521827638475320189012309704722",
        "ApproximateArrivalTimestamp": ARRIVED,
        "Data": b"\x00\xff{}",
        "PartitionKey": 'order "7"\\ 🐎',
        **changes,
    }


def test_a_record_stands_in_the_event_in_lambdas_own_form():
    record = event_record(STREAM, "shardId-000000000003", kinesis_record())
    (shown,) = json.loads(event_of([record]))["Records"]
    sequence = "49601189658422359378836298521827638475320189012309704722"
    assert shown == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": 'order "7"\\ 🐎',
            "sequenceNumber": sequence,
            "data": base64.b64encode(b"\x00\xff{}").decode(),
            "approximateArrivalTimestamp": 1794616684.835,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000003:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": STREAM.role_arn,
        "awsRegion": "eu-west-1",
        "eventSourceARN": STREAM.stream_arn,
    }


def test_the_mapping_knows_what_it_needs_of_a_record():
    record = event_record(STREAM, "shardId-0", kinesis_record(SequenceNumber="0042"))
    assert (record.sequence_number, record.sequence_text) == (42, "0042")
    assert record.partition_key == 'order "7"\\ 🐎'
    assert record.arrived_ms == ARRIVED_MS
    assert record.size == len(record.body)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_size_of_the_records_is_the_size_of_the_event(count):
    records = [event_record(STREAM, "shardId-0", kinesis_record()) for _ in range(count)]
    commas = count - 1
    assert len(event_of(records)) == sum(r.size for r in records) + commas + len('{"Records":[]}')


# ------------------------------------------------------------------------ on-failure destination


def discard(**changes):
    records = tuple(
        event_record(STREAM, "shardId-000000000001", kinesis_record(SequenceNumber=str(n)))
        for n in (5, 6)
    )
    given = {
        "shard_id": "shardId-000000000001",
        "records": records,
        "condition": Condition.RETRIES_EXHAUSTED,
        "attempts": 3,
        "last_outcome": FunctionFailed(),
        **changes,
    }
    return Discard(**given)


def kept(folder):
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    return path.relative_to(folder).as_posix(), json.loads(path.read_text())


def test_the_object_has_the_key_that_aws_documents():
    key = object_key(IDENTITY, discard(), ARRIVED_MS, "0000-1")
    assert key == (
        "aws/lambda/f89f8514-cdd9-4602-9e1f-01a5b77d449b/shardId-000000000001/"
        "2026/11/14/2026-11-14T00.38.04-0000-1"
    )


def test_the_object_holds_the_whole_event_as_an_escaped_string(tmp_path):
    given_up = discard()
    Folder(tmp_path, IDENTITY, new_id=lambda: "id").deliver(given_up, ARRIVED_MS)
    key, document = kept(tmp_path)
    assert key == object_key(IDENTITY, given_up, ARRIVED_MS, "id")
    assert json.loads(document.pop("payload")) == json.loads(event_of(given_up.records))
    assert document == {
        "requestContext": {
            "requestId": "id",
            "functionArn": IDENTITY.function_arn,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2026-11-14T00:38:04.835Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000001",
            "startSequenceNumber": "5",
            "endSequenceNumber": "6",
            "approximateArrivalOfFirstRecord": "2026-11-14T00:38:04.835Z",
            "approximateArrivalOfLastRecord": "2026-11-14T00:38:04.835Z",
            "batchSize": 2,
            "streamArn": STREAM.stream_arn,
        },
    }


def test_a_partial_failure_is_no_function_error(tmp_path):
    Folder(tmp_path, IDENTITY).deliver(discard(last_outcome=Answered({})), ARRIVED_MS)
    assert "functionError" not in kept(tmp_path)[1]["responseContext"]


def test_records_that_were_never_invoked_have_no_response(tmp_path):
    never = discard(condition=Condition.TOO_OLD, attempts=0, last_outcome=None)
    Folder(tmp_path, IDENTITY).deliver(never, ARRIVED_MS)
    _, document = kept(tmp_path)
    assert document["requestContext"]["condition"] == "RecordAgeExceeded"
    assert "responseContext" not in document


def test_two_objects_of_one_moment_do_not_overwrite_each_other(tmp_path):
    folder = Folder(tmp_path, IDENTITY)
    folder.deliver(discard(), ARRIVED_MS)
    folder.deliver(discard(), ARRIVED_MS)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2
