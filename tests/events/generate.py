"""Writes the golden Lambda events beside this file: `python -m tests.events.generate`.

What Lambda hands to the functions, byte for byte the same at every run: Kinesis batches as the
event source mapping sends them (Lambda Developer Guide, "Using Lambda with Kinesis"), HTTP API
requests in payload format 2.0 (API Gateway Developer Guide), schedules and what a person types;
and beside them what S3 says of an object in the on-failure bucket, and the object. Order events are
made with the contract, aggregates with AWS's own aggregator, so that neither end of ours has made
its own test.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aws_kinesis_agg.aggregator import RecordAggregator

from contract import Event, encode_event
from tests.events import operating
from tests.events.places import ACCOUNT, REGION, START

HERE = Path(__file__).parent
FIRST_SEQUENCE_NUMBER = 49650986238177465917218482213131328834176233427129794562


def order_event(order_id: str, version: int, kind: str, /, **data: Any) -> Event:
    return Event(
        id=uuid5(NAMESPACE_URL, f"inorder/{order_id}/{version}"),
        source="golden",
        type=kind,
        order_id=order_id,
        time=START + timedelta(minutes=version),
        data=data,
        version=version,
    )


TEAPOT = [
    order_event("teapot", 1, "OrderPlaced", customer_id="alice"),
    order_event("teapot", 2, "ItemAdded", sku="T-1", price="38.50", freight="4.90"),
    order_event("teapot", 3, "PaymentReceived", amount="43.40"),
    order_event("teapot", 4, "OrderShipped"),
]
KETTLE = [
    order_event("kettle", 1, "OrderPlaced", customer_id="bob"),
    order_event("kettle", 2, "OrderCanceled"),
    order_event("kettle", 3, "PaymentReceived", amount="12.00"),  # money for a canceled order
    order_event("kettle", 4, "OrderDelivered"),
]


def kinesis_batch(*records: tuple[str, bytes]) -> dict[str, Any]:
    """One shard's batch of (partition key, data), one second apart."""
    return {"Records": list(_kinesis_records(records))}


def _kinesis_records(records: tuple[tuple[str, bytes], ...]) -> Iterator[dict[str, Any]]:
    for number, (partition_key, data) in enumerate(records):
        sequence_number = str(FIRST_SEQUENCE_NUMBER + number * 1_000_003)
        yield {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": partition_key,
                "sequenceNumber": sequence_number,
                "data": base64.b64encode(data).decode(),
                "approximateArrivalTimestamp": START.timestamp() + number + 0.125,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"shardId-000000000006:{sequence_number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/inorder-ConsumerRole",
            "awsRegion": REGION,
            "eventSourceARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/inorder-EventStream",
        }


def plain(event: Event) -> tuple[str, bytes]:
    return event.order_id, encode_event(event)


def aggregated(*events: Event) -> tuple[str, bytes]:
    aggregator = RecordAggregator()
    for event in events:
        aggregator.add_user_record(event.order_id, encode_event(event))
    partition_key, _, data = aggregator.clear_and_get().get_contents()
    return partition_key, data


def torn(record: tuple[str, bytes]) -> tuple[str, bytes]:
    """The record with one bit of its checksum turned over."""
    partition_key, data = record
    return partition_key, data[:-1] + bytes([data[-1] ^ 1])


def api_request(body: str, *, encode: bool = False) -> dict[str, Any]:
    """A signed POST /events as the HTTP API hands it on."""
    raw = body.encode()
    return {
        "version": "2.0",
        "routeKey": "POST /events",
        "rawPath": "/events",
        "rawQueryString": "",
        "headers": {
            "content-length": str(len(raw)),
            "content-type": "application/json",
            "host": f"a1b2c3d4e5.execute-api.{REGION}.amazonaws.com",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "a1b2c3d4e5",
            "authorizer": {
                "iam": {
                    "accessKey": "AKIAIOSFODNN7EXAMPLE",
                    "accountId": ACCOUNT,
                    "callerId": "AIDACKCEVSQ6C2EXAMPLE",
                    "cognitoIdentity": None,
                    "principalOrgId": None,
                    "userArn": f"arn:aws:iam::{ACCOUNT}:user/shop",
                    "userId": "AIDACKCEVSQ6C2EXAMPLE",
                }
            },
            "domainName": f"a1b2c3d4e5.execute-api.{REGION}.amazonaws.com",
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": "POST",
                "path": "/events",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "shop/1.0",
            },
            "requestId": hashlib.sha256(raw).hexdigest()[:16],
            "routeKey": "POST /events",
            "stage": "$default",
            "time": START.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(START.timestamp() * 1000),
        },
        "body": base64.b64encode(raw).decode() if encode else body,
        "isBase64Encoded": encode,
    }


def one(event: Event) -> str:
    return encode_event(event).decode()


def several(*events: Event) -> str:
    return "[" + ",".join(one(event) for event in events) + "]"


def golden() -> dict[str, dict[str, Any]]:
    """Every golden event by its file name."""
    batch = kinesis_batch(
        plain(TEAPOT[0]), plain(KETTLE[0]), plain(TEAPOT[1]), plain(KETTLE[1]), plain(TEAPOT[2])
    )
    return {
        "kinesis-plain.json": batch,
        "kinesis-aggregated.json": kinesis_batch(
            aggregated(*TEAPOT[:3]), aggregated(*KETTLE[:2]), plain(TEAPOT[3])
        ),
        "kinesis-bad.json": kinesis_batch(
            plain(TEAPOT[0]),
            plain(KETTLE[0]),
            ("toaster", b"{not JSON"),
            plain(KETTLE[1]),
            plain(KETTLE[2]),
            torn(aggregated(*[order_event("samovar", 1, "OrderPlaced")] * 2)),
            plain(KETTLE[3]),
            plain(TEAPOT[1]),
        ),
        "api-one.json": api_request(one(TEAPOT[0])),
        "api-list.json": api_request(several(*TEAPOT[:2], KETTLE[0]), encode=True),
        "api-invalid.json": api_request(
            f"[{one(TEAPOT[0])},{one(TEAPOT[1]).replace('order_id', 'orderId')}]"
        ),
        "schedule.json": operating.schedule(),
        "custom-resource-delete.json": operating.custom_resource("Delete", "Custom::Migrations"),
        "bucket-object-created.json": operating.object_created(),
        "bucket-object.json": operating.failed_batch(batch),
        "redrive-order.json": {"order_id": "kettle"},
        "redrive-rehearsal.json": {"reason": "rejected", "dry_run": True},
    }


def written(event: dict[str, Any]) -> str:
    return json.dumps(event, indent=2) + "\n"


if __name__ == "__main__":
    for name, event in golden().items():
        (HERE / name).write_text(written(event))
