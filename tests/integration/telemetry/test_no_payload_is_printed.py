"""Whatever fails, and however it quotes the event: no line holds a payload."""

import json

import pytest

from contract import encode_event
from local.environments.environment import Ending
from tests.consuming.batches import batch
from tests.consuming.events import make_event
from tests.observing.leaky import CANARY, WAYS
from tests.operating import s3

LEAKY = "tests.observing.leaky:Leaky"


@pytest.fixture
def consume(printing, journal, database_url):
    return printing.start(
        "consumer",
        "consumer.handler.handler",
        DATABASE_URL=database_url,
        PROJECTION=LEAKY,
        FAILING_ORDERS="1000",
    )


def failing(way, version=1, **data):
    event = make_event(version, order_id=way, type=way, note=CANARY, **data)
    return event.order_id, encode_event(event)


def fine(order_id, version):
    event = make_event(version, order_id=order_id, note=CANARY)
    return order_id, encode_event(event)


def check(printing):
    text = printing.text()
    assert CANARY not in text
    return [line for line in printing.lines() if "_aws" not in line]


def test_a_failing_projection(consume, printing):
    """Each way twice, since a retry is another path; beside other orders, for careful mode's."""
    silent, leaking = [], []
    for n, way in enumerate(WAYS):
        before = len(printing.text())
        records = [fine("beside", n + 1), failing(way), failing("rejected", n + 1)]
        if way == "changes_its_mind":  # folded again, because a later event of its order failed
            later = make_event(2, order_id=way, type="fails", note=CANARY)
            records.append((way, encode_event(later)))
        for _ in range(2):
            consume(batch(*records, start=1 + 10 * n))
        said = printing.text()[before:]
        leaking += [way] if CANARY in said else []
        silent += [] if '"level"' in said else [way]
    assert leaking == []
    assert silent == []


@pytest.mark.parametrize(
    "data",
    [
        CANARY.encode(),
        b'{"note": "' + CANARY.encode() + b'"',
        b"\xf3\x89\x9a\xc2" + CANARY.encode() * 2,
        b'{"id": "' + CANARY.encode() + b'"}',
        b'{"\\u0000": "' + CANARY.encode() + b'"}',
        b"\xff\xfe" + CANARY.encode(),
    ],
)
def test_bytes_that_are_no_event(consume, printing, data):
    consume(batch(("A", data), ("x" * 257, data), fine("A", 1)))
    parked = [line for line in check(printing) if line["message"] == "event parked"]
    assert {line["reason"] for line in parked} == {"unreadable"}
    assert {"order_id", "position", "shard", "first", "last", "request_id"} <= parked[0].keys()


def test_what_is_no_base64(consume, printing):
    given = batch(fine("A", 1))
    given["Records"][0]["kinesis"]["data"] = f"~{CANARY}"
    assert consume(given).ending is Ending.ANSWERED
    check(printing)


def test_conflicts_kinds_and_gaps(consume, printing):
    wrong_kind = make_event(name="x", order_id="A", note=CANARY)
    other = make_event(1, order_id="A", note=CANARY, more=1)
    consume(batch(fine("A", 1), fine("A", 3), ("A", encode_event(wrong_kind))))
    consume(batch(("A", encode_event(other)), start=10))
    assert {line["reason"] for line in check(printing)} == {"wrong_kind", "conflict"}


def test_code_that_is_stopped(printing, journal, database_url):
    stopped = printing.start(
        "consumer",
        "consumer.handler.handler",
        DATABASE_URL=database_url,
        PROJECTION=LEAKY,
        FAILING_ORDERS="1",
    )
    stopped(batch(failing("fails")))
    assert any(line["message"] == "code stopped" for line in check(printing))


def test_redrive_and_audit(consume, printing, database_url, sql, tmp_path):
    ways = ("rejected", "fails", "save_value", "save_refused", "save_value_error")
    for n, way in enumerate(ways, start=1):
        consume(batch(failing(way), start=10 * n))
    with s3.running(tmp_path) as url:
        client = s3.client(url)
        client.create_bucket(
            Bucket="failed", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        document = {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            "KinesisBatchInfo": {"shardId": "shardId-000000000000", "batchSize": 1},
            "payload": json.dumps(batch(failing("fails", 2), start=20_000)),
        }
        prefix = "aws/lambda/uuid/shardId-000000000000/2026/11/21/"
        bodies = [json.dumps(document), CANARY, json.dumps({"payload": CANARY})]
        for n, body in enumerate(bodies):
            client.put_object(Bucket="failed", Key=f"{prefix}{n}", Body=body.encode())
        redrive = printing.start(
            "redrive",
            "consumer.redrive.handler.handler",
            seconds=20,
            DATABASE_URL=database_url,
            PROJECTION=LEAKY,
            CODE_VERSION="next",
            AWS_ENDPOINT_URL_S3=url,
            ON_FAILURE_BUCKET="failed",
            **s3.CREDENTIALS,
        )
        answers = [redrive({}), redrive({"all": True}), redrive({"order_id": "fails"})]
    assert all(answer.ending is Ending.ANSWERED for answer in answers), answers
    assert CANARY not in json.dumps([answer.answer for answer in answers]), "answers are logged too"
    sql.execute("delete from inorder.ledger")
    sql.execute("update inorder.parking_lot set rank = rank + 1")
    audit = printing.start(
        "audit", "consumer.audit.handler.handler", DATABASE_URL=database_url, seconds=20
    )
    assert audit({}).ending is Ending.ANSWERED
    messages = {line["message"] for line in check(printing)}
    assert {"redrive stopped", "audit fault"} <= messages


def test_the_producer(printing):
    event = json.loads(failing("rejected")[1])
    produce = printing.start(
        "producer",
        "producer.handler.handler",
        seconds=6,  # it tries for as long as it may
        STREAM_NAME="none",
        AWS_ENDPOINT_URL_KINESIS="http://127.0.0.1:9",
        PRODUCER_GUARDS="off",
    )
    for body in (json.dumps(event), json.dumps({**event, "version": CANARY}), CANARY, "{"):
        request = {
            "version": "2.0",
            "requestContext": {"http": {"method": "POST"}},
            "headers": {"content-type": "application/json"},
            "body": body,
            "isBase64Encoded": False,
        }
        assert produce(request).ending is Ending.ANSWERED
    assert any(line["message"] == "events without a receipt" for line in check(printing))
