"""The redrive function with a real S3 endpoint and a real database: traps 1 and 14."""

import json
import uuid

import pytest

from consumer.redrive import handler as entry
from consumer.redrive.request import BadRequest
from tests.consuming.batches import batch_of
from tests.consuming.events import REFUSED, make_event
from tests.operating import projections, s3
from tests.operating.world import World

DONE = [{"Key": "inorder", "Value": "done"}]


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory):
    with s3.running(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.fixture
def bucket(endpoint, monkeypatch):
    """A bucket of the test's own, which the function knows."""
    name = f"failed-{uuid.uuid4().hex}"
    client = s3.client(endpoint)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for variable, value in s3.CREDENTIALS.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    monkeypatch.setenv("ON_FAILURE_BUCKET", name)
    return _Bucket(client, name)


class _Bucket:
    def __init__(self, client, name):
        self.client = client
        self.name = name
        self._count = 0

    def put(self, body, key=None):
        """An object as Lambda writes it, or these bytes under a key of that form."""
        self._count += 1
        key = key or f"aws/lambda/uuid/shardId-000000000000/2026/11/21/{self._count:04}-x"
        self.client.put_object(Bucket=self.name, Key=key, Body=body)
        return key

    def failed_batch(self, *events, start):
        document = {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            "KinesisBatchInfo": {"shardId": "shardId-000000000000", "batchSize": len(events)},
            "payload": json.dumps(batch_of(events, start=start)),
        }
        return self.put(json.dumps(document).encode())

    def done(self, key):
        answer = self.client.get_object_tagging(Bucket=self.name, Key=key)
        return answer["TagSet"] == DONE

    def notification(self, key):
        return {
            "Records": [
                {
                    "eventSource": "aws:s3",
                    "s3": {
                        "bucket": {"name": self.name},
                        "object": {"key": key.replace(" ", "+").replace(":", "%3A")},
                    },
                }
            ]
        }


class _Context:
    function_name = "redrive"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:redrive"
    aws_request_id = "request"

    def __init__(self, milliseconds=60_000):
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self):
        return self.milliseconds


@pytest.fixture
def world(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("PROJECTION", "tests.operating.projections:NOTES")
    made = World(database_url)
    monkeypatch.setattr(projections.NOTES, "refuses", made.notes.refuses)
    entry.parts.cache_clear()
    yield made
    entry.parts().database.close()
    entry.parts.cache_clear()
    made.close()


def call(event, context=None):
    return entry.handler(event, context or _Context())


def test_an_object_takes_the_way_of_a_batch_and_is_tagged(world, bucket):
    world.live(make_event(1), make_event(2), at=1)
    key = bucket.failed_batch(make_event(2), make_event(3), make_event(4), start=2)
    answer = call(bucket.notification(key))
    assert answer["counts"]["ObjectsFedIn"] == 1
    assert bucket.done(key)
    assert (world.head(), world.names()) == (("open", 4), ["1", "2", "3", "4"])
    assert call(bucket.notification(key))["counts"]["ObjectsFedIn"] == 1, "twice does no harm"
    assert world.names() == ["1", "2", "3", "4"]


def test_a_key_comes_url_encoded(world, bucket):
    key = "aws/lambda/u/shardId-000000000000/2026/11/21/a b:c"
    document = {"payload": json.dumps(batch_of([make_event(1)]))}
    bucket.put(json.dumps(document).encode(), key)
    call(bucket.notification(key))
    assert bucket.done(key)


def test_trap_1_an_unversioned_event_out_of_the_bucket_that_was_overtaken_is_parked(world, bucket):
    world.live(make_event(name="two"), at=2)
    key = bucket.failed_batch(make_event(name="one"), start=1)
    call(bucket.notification(key))
    assert world.lot()[0][:2] == ("blocker", "overtaken")
    assert bucket.done(key)


def test_trap_14_an_object_missed_in_an_outage_is_found_by_the_schedule(
    world, bucket, postgres, monkeypatch
):
    key = bucket.failed_batch(make_event(1), make_event(2), start=1)
    away = "postgresql://postgres@127.0.0.1:1/none"
    url = world.url
    entry.parts.cache_clear()
    monkeypatch.setenv("DATABASE_URL", away)
    answer = call(bucket.notification(key))
    assert answer["interrupted"]
    assert not bucket.done(key)
    assert call({})["interrupted"]
    assert not bucket.done(key)
    entry.parts.cache_clear()
    monkeypatch.setenv("DATABASE_URL", url)
    answer = call({"source": "aws.events"})
    assert (answer["interrupted"], answer["counts"]["ObjectsFedIn"]) == (None, 1)
    assert bucket.done(key)
    assert world.names() == ["1", "2"]
    assert call({})["counts"]["ObjectsFedIn"] == 0, "what is done is not looked at again"


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"{}", b'{"payload": "{}"}', b'{"payload": "[1]"}', b"[" * 100_000]
)
def test_an_object_that_cannot_be_read_stays_and_is_reported(world, bucket, body):
    bad = bucket.put(body)
    good = bucket.failed_batch(make_event(1), start=1)
    answer = call({})
    assert answer["counts"]["ObjectsUnreadable"] == 1
    assert answer["counts"]["ObjectsFedIn"] == 1
    assert [bucket.done(key) for key in (bad, good)] == [False, True]
    assert answer["objects"][0]["unreadable"]


def test_the_schedule_ends_in_time_and_goes_on_next_time(world, bucket):
    key = bucket.failed_batch(make_event(1), start=1)
    answer = call({}, _Context(milliseconds=500))
    assert answer["interrupted"]
    assert not bucket.done(key)
    assert call({})["interrupted"] is None
    assert bucket.done(key)


def test_the_schedule_goes_on_with_orders_that_wait_for_nobody(world, bucket):
    world.live(*(make_event(v, type=REFUSED if v == 1 else "note") for v in range(1, 4)))
    world.live(*(make_event(v, order_id="B", type=REFUSED) for v in (1, 2)))
    world.sql.execute("delete from inorder.parking_lot where order_id = 'A' and version = 1")
    world.sql.execute("update inorder.head set ordinal = 1 where order_id = 'A'")
    world.notes.refuses.clear()
    answer = call({})
    assert [(row["order_id"], row["applied"]) for row in answer["orders"]] == [("A", 2)]
    assert world.head("B") == ("parked", 0), "somebody has to decide about B"


def test_by_hand(world):
    world.live(*(make_event(v, type=REFUSED if v == 1 else "note") for v in range(1, 4)))
    answer = call({"order_id": "A"})
    assert answer["orders"][0]["refused_because"] == "rejected"
    world.notes.refuses.clear()
    assert call({"reason": "rejected", "dry_run": True})["orders"][0]["applied"] == 3
    assert world.head() == ("parked", 0)
    answer = call({"all": True})
    assert answer["counts"]["EventsRedriven"] == 3
    assert answer["counts"]["OrdersUnparked"] == 1


def test_an_event_that_asks_for_nothing_known_is_an_error(world):
    with pytest.raises(BadRequest, match="expected a schedule"):
        call({"surprise": 1})
