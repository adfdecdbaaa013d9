"""What starts redrive and the auditor, and what redrive finds in the on-failure bucket."""

import json
from typing import Any

from tests.events.places import ACCOUNT, BUCKET, OBJECT_KEY, REGION, START


def schedule() -> dict[str, Any]:
    """A scheduled rule's event (EventBridge User Guide, "Creating a rule that runs on a schedule").

    To the functions it says no more than that it is time.
    """
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": f"{START:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/inorder-Regularly"],
        "detail": {},
    }


def object_created(key: str = OBJECT_KEY, bucket: str = BUCKET) -> dict[str, Any]:
    """What S3 puts on the event bus (S3 User Guide, "EventBridge event message structure")."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": f"{START:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 3131,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                "sequencer": "0065E2F1A329D189A4",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "source-ip-address": "203.0.113.9",
            "reason": "PutObject",
        },
    }


def failed_batch(batch: dict[str, Any]) -> dict[str, Any]:
    """The object itself: what the mapping writes when it gives up on a batch."""
    records = batch["Records"]
    first, last = records[0], records[-1]
    return {
        "requestContext": {
            "requestId": "c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5",
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:inorder-ConsumerFunction",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 7,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2026-03-02T09:41:07.000Z",
        "KinesisBatchInfo": {
            "shardId": first["eventID"].partition(":")[0],
            "startSequenceNumber": first["kinesis"]["sequenceNumber"],
            "endSequenceNumber": last["kinesis"]["sequenceNumber"],
            "approximateArrivalOfFirstRecord": "2026-03-02T09:30:00.125Z",
            "approximateArrivalOfLastRecord": "2026-03-02T09:30:04.125Z",
            "batchSize": len(records),
            "streamArn": first["eventSourceARN"],
        },
        "payload": json.dumps(batch, separators=(",", ":")),
    }


def custom_resource(request_type: str, resource_type: str) -> dict[str, Any]:
    """What CloudFormation asks a custom resource (CloudFormation User Guide, "Custom resource
    request objects"). It wants the answer put to `ResponseURL`.
    """
    return {
        "RequestType": request_type,
        "RequestId": "8f2f3c5e-1d1a-4b0e-9a53-7a4cbb3b2f10",
        "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1"
        ".amazonaws.com/answer",
        "ResourceType": resource_type,
        "LogicalResourceId": resource_type.removeprefix("Custom::"),
        "PhysicalResourceId": f"inorder-{resource_type.removeprefix('Custom::').lower()}",
        "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/inorder/1b2c3d",
        "ResourceProperties": {"ServiceToken": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"},
    }
