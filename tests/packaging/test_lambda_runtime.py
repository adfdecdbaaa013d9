"""Consumer and producer as built, fed golden events, in AWS's own runtime client."""

import base64
import json
import socket
import time

import pytest

from contract import parse_event
from local.kinesis.ministack import ministack
from tests.events.generate import HERE

STREAM = "golden"


@pytest.fixture(scope="module")
def kinesis():
    with ministack() as endpoint:
        endpoint.create_stream(STREAM, 2)
        yield endpoint


class TestConsumer:
    def test_a_plain_batch_is_applied(self, start, database_url, sql):
        invoke = start("consumer", DATABASE_URL=database_url)
        assert invoke("kinesis-plain.json") == {"batchItemFailures": []}
        assert statuses(sql) == {"teapot": "placed", "kettle": "canceled"}
        assert heads(sql) == {"teapot": (3, "open"), "kettle": (2, "open")}

    def test_the_first_batch_takes_the_connection_that_was_begun(self, start, database_url, sql):
        """Else there would be two, one of them for nothing."""
        invoke = start("consumer", DATABASE_URL=database_url)
        assert invoke("kinesis-plain.json") == {"batchItemFailures": []}
        others = sql.execute(
            "select count(*) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        ).fetchone()
        assert others == (1,)

    def test_an_aggregated_batch_is_applied(self, start, database_url, sql):
        invoke = start("consumer", DATABASE_URL=database_url)
        assert invoke("kinesis-aggregated.json") == {"batchItemFailures": []}
        assert statuses(sql) == {"teapot": "shipped", "kettle": "canceled"}
        assert heads(sql) == {"teapot": (4, "open"), "kettle": (2, "open")}

    def test_a_bad_batch_parks_what_is_bad_and_applies_the_rest(self, start, database_url, sql):
        invoke = start("consumer", DATABASE_URL=database_url)
        assert invoke("kinesis-bad.json") == {"batchItemFailures": []}
        assert heads(sql)["teapot"] == (2, "open")
        assert heads(sql)["kettle"] == (2, "parked")
        waiting = sql.execute(
            "select kind, count(*) from inorder.parking_lot where order_id = 'kettle' group by 1"
        ).fetchall()
        assert dict(waiting) == {"blocker": 1, "follower": 1}
        unreadable = sql.execute(
            "select payload from inorder.parking_lot where order_id is distinct from 'kettle'"
        ).fetchall()
        assert b"{not JSON" in [payload for (payload,) in unreadable]
        assert len(unreadable) == 2, "the torn aggregate waits as well, payload and all"

    def test_a_batch_delivered_again_changes_nothing(self, start, database_url, sql):
        invoke = start("consumer", DATABASE_URL=database_url)
        assert invoke("kinesis-plain.json") == {"batchItemFailures": []}
        before = sql.execute("select * from orders order by order_id").fetchall()
        assert invoke("kinesis-plain.json") == {"batchItemFailures": []}
        assert sql.execute("select * from orders order by order_id").fetchall() == before

    def test_without_a_database_the_first_record_is_handed_back(self, start):
        """P6: not an error, which would be bisected, and nothing parked or lost."""
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            invoke = start("consumer", DATABASE_URL=f"postgresql://nobody@127.0.0.1:{port}/none")
            answer = invoke("kinesis-plain.json")
        first = json.loads((HERE / "kinesis-plain.json").read_text())["Records"][0]
        assert answer == {
            "batchItemFailures": [{"itemIdentifier": first["kinesis"]["sequenceNumber"]}]
        }

    def test_the_first_answer_is_reported(self, start, database_url, note):
        invoke = start("consumer", DATABASE_URL=database_url)
        began = time.monotonic()
        invoke("kinesis-plain.json")
        first = time.monotonic() - began
        began = time.monotonic()
        invoke("kinesis-plain.json")
        note(f"consumer's first answer {first:.2f} s, second {time.monotonic() - began:.3f} s")


class TestProducer:
    @pytest.fixture
    def invoke(self, start, kinesis):
        return start("producer", STREAM_NAME=STREAM, AWS_ENDPOINT_URL_KINESIS=kinesis.url)

    def test_one_event_gets_a_receipt(self, invoke, kinesis):
        answer = invoke("api-one.json")
        assert answer["statusCode"] == 202, answer
        (receipt,) = json.loads(answer["body"])["receipts"]
        assert receipt["order_id"] == "teapot"
        sent = event_at(kinesis, receipt)
        assert str(sent.id) == receipt["id"]

    def test_a_base64_list_gets_a_receipt_each(self, invoke):
        answer = invoke("api-list.json")
        assert answer["statusCode"] == 202, answer
        receipts = json.loads(answer["body"])["receipts"]
        assert [receipt["order_id"] for receipt in receipts] == ["teapot", "teapot", "kettle"]

    def test_an_invalid_event_is_named_and_nothing_is_sent(self, invoke):
        answer = invoke("api-invalid.json")
        assert answer["statusCode"] == 400
        assert "orderId" in answer["body"] or "order_id" in answer["body"]
        assert "receipts" not in json.loads(answer["body"])


def statuses(sql):
    return dict(sql.execute("select order_id, status from orders").fetchall())


def heads(sql):
    rows = sql.execute("select order_id, ordinal, state from inorder.head").fetchall()
    return {order_id: (ordinal, state) for order_id, ordinal, state in rows}


def event_at(endpoint, receipt):
    """The plain event that stands where the receipt says. ministack pads its sequence numbers."""
    client = endpoint.client()
    iterator = client.get_shard_iterator(
        StreamName=STREAM, ShardId=receipt["shard_id"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = client.get_records(ShardIterator=iterator)["Records"]
    place = int(receipt["sequence_number"])
    (data,) = [found["Data"] for found in records if int(found["SequenceNumber"]) == place]
    return parse_event(data)


def test_golden_requests_are_what_the_api_sends():
    """A body in base64 is one body all the same."""
    request = json.loads((HERE / "api-list.json").read_text())
    assert request["isBase64Encoded"] is True
    assert len(json.loads(base64.b64decode(request["body"]))) == 3
