"""A real Kinesis endpoint on loopback, a front that spoils its answers, and a way to read back."""

import base64
import uuid
from collections.abc import Callable, Iterator

import pytest
from aws_kinesis_agg.deaggregator import iter_deaggregate_records

from local.kinesis.ministack import ministack
from producer import ProducerSettings, kinesis_client
from producer.aggregation import FRAME_BYTES
from tests.integration.producer.faulty_front import FaultyFront

CREDENTIALS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}


@pytest.fixture(scope="session")
def kinesis_url() -> Iterator[str]:
    """A real Kinesis endpoint of this test run."""
    with ministack() as endpoint:
        assert endpoint.url is not None
        yield endpoint.url


@pytest.fixture(scope="session")
def admin(kinesis_url):
    """A client for the tests' own purposes, past the faulty front."""
    return kinesis_client(ProducerSettings(), endpoint_url=kinesis_url, **CREDENTIALS)


@pytest.fixture
def stream(admin) -> str:
    """A stream of the test's own, with four shards."""
    name = f"s-{uuid.uuid4().hex}"
    admin.create_stream(StreamName=name, ShardCount=4)
    admin.get_waiter("stream_exists").wait(
        StreamName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 100}
    )
    return name


@pytest.fixture
def front(kinesis_url) -> Iterator[FaultyFront]:
    """The endpoint to give to a producer; spoils what the test tells it to."""
    with FaultyFront(kinesis_url) as running:
        yield running


@pytest.fixture
def read_stream(admin) -> Callable[[str], dict[str, list[tuple[int, list[bytes]]]]]:
    """What is on a stream: for each partition key its records, in order, as lists of events."""

    def read(name: str) -> dict[str, list[tuple[int, list[bytes]]]]:
        found: dict[str, list[tuple[int, list[bytes]]]] = {}
        for shard in admin.list_shards(StreamName=name)["Shards"]:
            iterator = admin.get_shard_iterator(
                StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while records := (answer := admin.get_records(ShardIterator=iterator))["Records"]:
                for record in records:
                    number = int(record["SequenceNumber"])
                    found.setdefault(record["PartitionKey"], []).append(
                        (number, _events(record["Data"]))
                    )
                iterator = answer["NextShardIterator"]
        return found

    return read


def _events(data: bytes) -> list[bytes]:
    if len(data) < FRAME_BYTES or not data.startswith(b"\xf3\x89\x9a\xc2"):
        return [data]
    record = {
        "SequenceNumber": "1",
        "PartitionKey": "p",
        "Data": data,
        "ApproximateArrivalTimestamp": 0,
    }
    subs = iter_deaggregate_records([record], "Boto3")
    return [base64.b64decode(sub["kinesis"]["data"]) for sub in subs]
