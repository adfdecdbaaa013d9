"""The endpoint that producers are measured against: what it admits is stored, what it refuses not.

How late it answers is measured, not tested (`bench.producer.calibration`).
"""

import time

import pytest

from bench.producer.endpoint import MOST_RECORDS, Setup, count, empty, endpoint
from local.kinesis.ministack import ministack
from producer import Producer, ProducerSettings, kinesis_client
from tests.integration.producer.conftest import CREDENTIALS
from tests.integration.producer.orders import event


@pytest.fixture(scope="module")
def embedded():
    with ministack() as started:
        started.create_stream("stored", 2)
        started.create_stream("answered", 2)
        yield started


def client_of(url):
    return kinesis_client(ProducerSettings(), endpoint_url=url, **CREDENTIALS)


def stored(client, stream) -> list[tuple[str, bytes]]:
    found = []
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        iterator = client.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = client.get_records(ShardIterator=iterator)["Records"]
        found += [(record["PartitionKey"], record["Data"]) for record in records]
    return found


def test_a_throttled_record_is_refused_alone_and_the_others_are_stored(embedded):
    with endpoint(Setup(target=embedded.url, shards=2, latency_ms=1.0)) as url:
        client = client_of(url)
        empty(url, "stored")
        time.sleep(0.2)  # which saves up two hundred records
        records = [{"PartitionKey": "A", "Data": b"%d" % n} for n in range(500)]
        answer = client.put_records(StreamName="stored", Records=records)
        entries = answer["Records"]
        refused = [entry for entry in entries if "ErrorCode" in entry]
        assert {entry["ErrorCode"] for entry in refused} == {
            "ProvisionedThroughputExceededException"
        }
        assert answer["FailedRecordCount"] == len(refused)
        taken = [b"%d" % n for n, entry in enumerate(entries) if "ErrorCode" not in entry]
        assert [data for _, data in stored(client, "stored")] == taken
        numbers = [int(e["SequenceNumber"]) for e in entries if "ErrorCode" not in e]
        assert numbers == sorted(set(numbers))
        assert len(numbers) >= 200
        counts = count(url, "stored")
        assert (counts.records, counts.throttled) == (len(taken), len(refused))
        with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
            client.put_record(StreamName="stored", PartitionKey="A", Data=b"x" * 900_000)


def test_a_request_of_too_many_records_is_refused_as_kinesis_does(embedded):
    with endpoint(Setup(target=embedded.url, shards=2, stored=False)) as url:
        client = client_of(url)
        records = [{"PartitionKey": "A", "Data": b"x"}] * (MOST_RECORDS + 1)
        with pytest.raises(client.exceptions.ClientError, match="less than or equal to 500"):
            client.put_records(StreamName="answered", Records=records)


@pytest.mark.parametrize("kept", [True, False], ids=["stored", "answered"])
def test_the_producer_keeps_its_order_at_the_limit(embedded, kept):
    """P3 where most of the puts are throttled: two orders on one shard of 1,000 records."""
    name = f"kept-{kept}"
    embedded.create_stream(name, 2)
    with endpoint(Setup(target=embedded.url, shards=2, latency_ms=1.0, stored=kept)) as url:
        client = client_of(url)
        settings = ProducerSettings(max_record_bytes=1, linger=0)
        with Producer(name, client, settings=settings) as producer:
            empty(url, name)
            futures = [producer.send(event("A", n)) for n in range(300)]
            receipts = [future.result(30) for future in futures]
        positions = [receipt.position for receipt in receipts]
        assert positions == sorted(set(positions))
        assert count(url, name).records == 300
        if kept:
            assert [data for _, data in stored(client, name)] == [event("A", n) for n in range(300)]


def test_no_answer_leaves_before_its_time(embedded):
    with endpoint(
        Setup(target=embedded.url, shards=2, latency_ms=50.0, limited=False, stored=False)
    ) as url:
        client = client_of(url)
        time.sleep(0.01)
        began = time.monotonic()
        client.put_record(StreamName="answered", PartitionKey="A", Data=b"x")
        assert time.monotonic() - began >= 0.05
