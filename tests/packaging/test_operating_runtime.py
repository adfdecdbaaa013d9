"""Redrive and the auditor as built, fed golden events, in AWS's own runtime client."""

import json
import os
import socket

import pytest

from tests.events.generate import HERE
from tests.events.places import BUCKET, OBJECT_KEY
from tests.operating import s3
from tests.packaging.emulated import sdk_for
from tests.packaging.transformed import properties


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    with s3.running(tmp_path_factory.mktemp("s3")) as url:
        where = {"LocationConstraint": "eu-west-1"}
        s3.client(url).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        yield url


@pytest.fixture
def bucket(endpoint):
    """The bucket with the golden object in it, untagged: a client."""
    client = s3.client(endpoint)
    body = (HERE / "bucket-object.json").read_bytes()
    client.put_object(Bucket=BUCKET, Key=OBJECT_KEY, Body=body)
    return client


@pytest.fixture(scope="module")
def sdk(tmp_path_factory):
    return sdk_for(tmp_path_factory.mktemp("runtime") / "sdk")


@pytest.fixture
def redrive(start, database_url, endpoint, sdk):
    return start(
        "redrive",
        DATABASE_URL=database_url,
        ON_FAILURE_BUCKET=BUCKET,
        AWS_ENDPOINT_URL_S3=endpoint,
        PYTHONPATH=os.fspath(sdk),
    )


def statuses(sql):
    return dict(sql.execute("select order_id, status from orders").fetchall())


class TestRedrive:
    def test_an_object_is_fed_in_and_may_then_expire(self, redrive, bucket, sql, resources):
        answer = redrive("bucket-object-created.json")
        assert answer["counts"]["ObjectsFedIn"] == 1, answer
        assert statuses(sql) == {"teapot": "placed", "kettle": "canceled"}
        tags = bucket.get_object_tagging(Bucket=BUCKET, Key=OBJECT_KEY)["TagSet"]
        rules = properties(resources, "OnFailureBucket")["LifecycleConfiguration"]["Rules"]
        assert tags in [rule.get("TagFilters") for rule in rules if "ExpirationInDays" in rule]

    @pytest.mark.usefixtures("bucket")
    def test_the_schedule_finds_an_object_once(self, redrive, sql):
        assert redrive("schedule.json")["counts"]["ObjectsFedIn"] == 1
        assert statuses(sql) == {"teapot": "placed", "kettle": "canceled"}
        assert redrive("schedule.json")["counts"]["ObjectsFedIn"] == 0

    def test_a_person_redrives_an_order(self, redrive, start, database_url, sql):
        start("consumer", DATABASE_URL=database_url)("kinesis-bad.json")
        rehearsed = redrive("redrive-rehearsal.json")
        assert [row["order_id"] for row in rehearsed["orders"]] == ["kettle"], rehearsed
        assert attempts(sql) == 0, "a rehearsal writes nothing"
        (row,) = redrive("redrive-order.json")["orders"]
        assert (row["state"], row["refused_because"]) == ("parked", "rejected")
        assert attempts(sql) == 1

    def test_without_a_database_it_says_so_and_the_object_waits(self, start, bucket, endpoint, sdk):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            away = f"postgresql://nobody@127.0.0.1:{closed.getsockname()[1]}/none"
            invoke = start(
                "redrive",
                DATABASE_URL=away,
                ON_FAILURE_BUCKET=BUCKET,
                AWS_ENDPOINT_URL_S3=endpoint,
                PYTHONPATH=os.fspath(sdk),
            )
            answer = invoke("bucket-object-created.json")
        assert answer["interrupted"]
        assert bucket.get_object_tagging(Bucket=BUCKET, Key=OBJECT_KEY)["TagSet"] == []


class TestAuditor:
    @pytest.fixture
    def audit(self, start, database_url):
        start("consumer", DATABASE_URL=database_url)("kinesis-plain.json")
        invoke = start("auditor", DATABASE_URL=database_url)
        return lambda: invoke("schedule.json")

    def test_sound_tables_are_found_sound(self, audit):
        answer = audit()
        assert (answer["finished"], answer["faults"]) == (True, 0), answer
        assert answer["orders"] == 2

    def test_a_ledger_with_a_row_torn_out_is_not(self, audit, sql):
        torn = sql.execute("delete from inorder.ledger where order_id = 'teapot' and ordinal = 2")
        assert torn.rowcount == 1
        assert audit()["faults"] > 0


def attempts(sql):
    ((found,),) = sql.execute(
        "select attempts from inorder.parking_lot where order_id = 'kettle' and kind = 'blocker'"
    ).fetchall()
    return found


def test_the_object_holds_the_golden_batch():
    held = json.loads((HERE / "bucket-object.json").read_text())
    assert json.loads(held["payload"]) == json.loads((HERE / "kinesis-plain.json").read_text())
