"""Nothing that a producer wrote makes reading a batch raise."""

import base64

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator

from consumer.arrivals import Arrival, read_batch
from contract import Position, encode_event
from contract.kpl import MAGIC
from tests.consuming.batches import batch
from tests.consuming.events import make_event


def read(*records: tuple[str, bytes]) -> list[Arrival]:
    """The arrivals of records with these partition keys and data, at positions from 1."""
    return [arrival for record in read_batch(batch(*records)) for arrival in record.arrivals]


def test_a_plain_record():
    event = make_event(3, amount="1.50")
    (arrival,) = read(("A", encode_event(event)))
    assert arrival.event == event
    assert arrival.order_id == "A"
    assert arrival.version == 3
    assert arrival.position == Position(1, 0)
    assert arrival.raw == encode_event(event)
    assert arrival.data == b'{"amount":"1.50"}'


def test_sequence_numbers_are_compared_as_numbers():
    small, large = "9" * 55, "1" + "0" * 55
    lambda_event = batch(("A", encode_event(make_event(1))), ("A", encode_event(make_event(2))))
    for item, number in zip(lambda_event["Records"], (small, large), strict=True):
        item["kinesis"]["sequenceNumber"] = number
    records = read_batch(lambda_event)
    assert [record.sequence_number for record in records] == [small, large]
    assert records[0].arrivals[0].position < records[1].arrivals[0].position


def test_an_event_belongs_to_its_order_and_not_to_the_partition_key():
    (arrival,) = read(("another key", encode_event(make_event(1))))
    assert arrival.order_id == "A"
    assert arrival.partition_key == "another key"


def test_an_aggregated_record():
    events = [make_event(1), make_event(1, order_id="B"), make_event(2)]
    aggregator = RecordAggregator()
    for event in events:
        aggregator.add_user_record(event.order_id, encode_event(event), None)
    key, _, data = aggregator.clear_and_get().get_contents()
    arrivals = read((key, data), ("C", encode_event(make_event(1, order_id="C"))))
    assert [arrival.event for arrival in arrivals[:3]] == events
    assert [arrival.position for arrival in arrivals] == [
        Position(1, 0),
        Position(1, 1),
        Position(1, 2),
        Position(2, 0),
    ]
    assert [arrival.partition_key for arrival in arrivals] == ["A", "B", "A", "C"]


def test_one_bad_event_in_an_aggregate_is_one_bad_event():
    aggregator = RecordAggregator()
    for key, data in (("A", encode_event(make_event(1))), ("B", b"no event"), ("C", b"")):
        aggregator.add_user_record(key, data, None)
    key, _, data = aggregator.clear_and_get().get_contents()
    good, bad, empty = read((key, data))
    assert good.event is not None
    assert (bad.event, bad.order_id, bad.raw) == (None, "B", b"no event")
    assert (empty.event, empty.order_id, empty.raw) == (None, "C", b"")


def test_a_broken_aggregate_is_kept_whole_under_its_own_key():
    data = MAGIC + b"cut off here"
    (arrival,) = read(("A", data))
    assert (arrival.event, arrival.order_id, arrival.raw) == (None, "A", data)
    assert "checksum" in arrival.problem


@pytest.mark.parametrize("text", ["no base64!", "YWJ", "\ud800", "Ä", "YWJj\n"])
def test_data_that_is_not_base64_is_kept_as_it_is(text):
    lambda_event = batch(("A", b""))
    lambda_event["Records"][0]["kinesis"]["data"] = text
    ((arrival,),) = [record.arrivals for record in read_batch(lambda_event)]
    assert arrival.event is None
    assert arrival.problem.startswith("not base64")
    assert arrival.raw == text.encode("utf-8", "backslashreplace")


UNREADABLE = {
    "nothing": b"",
    "no JSON": b"no event",
    "no object": b"[]",
    "cut off": encode_event(make_event(1))[:-1],
    "twice": encode_event(make_event(1)) * 2,
    "no UTF-8": encode_event(make_event(1, text="X")).replace(b"X", b"\xff"),
    "surrogate in UTF-8": encode_event(make_event(1, text="X")).replace(b"X", b"\xed\xa0\x80"),
    "trap 8, lone surrogate": encode_event(make_event(1, text="X")).replace(b"X", b"\\ud800"),
    "trap 8, version 2^63": encode_event(make_event(7)).replace(b":7", b":9223372036854775808"),
    "trap 8, NUL in order_id": encode_event(make_event(1, order_id="X")).replace(
        b'"order_id":"X"', b'"order_id":"X\\u0000"'
    ),
    "trap 8, 257 characters": encode_event(make_event(1, order_id="X" * 257)),
    "number out of range": encode_event(make_event(1, n=7)).replace(b'"n":7', b'"n":1e999'),
    "deep nesting": encode_event(make_event(1, n=7)).replace(
        b'"n":7', b'"n":' + b"[" * 100_000 + b"]" * 100_000
    ),
    "too large": encode_event(make_event(1, text="x" * 1_000_000)),
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_bytes_are_kept_with_a_reason(data):
    (arrival,) = read(("the key", data))
    assert arrival.event is None
    assert arrival.order_id == "the key"
    assert arrival.raw == data
    assert arrival.problem
    assert (arrival.version, arrival.data, arrival.digest) == (None, b"", 0)


@pytest.mark.parametrize(
    ("key", "order_id"),
    [
        ("x", "x"),
        ("x" * 256, "x" * 256),
        ("€" * 256, "€" * 256),
        ("\U0001f600" * 256, "\U0001f600" * 256),
        ("", None),
        ("x" * 257, None),
        ("nul\0", None),
        ("\ud800", None),
        ("x\udfffx", None),
    ],
)
def test_trap_8_unreadable_bytes_go_under_their_key_if_it_can_be_an_order(key, order_id):
    (arrival,) = read((key, b"no event"))
    assert arrival.order_id == order_id
    assert arrival.partition_key == key


def test_trap_18_unreadable_bytes_under_a_bucket_key_are_of_no_order():
    """Trap 18: a stray with payload; a bucket is many orders, and none of them is to blame."""
    aggregate = MAGIC + b"cut off here"
    for data in (b"no event", aggregate):
        (arrival,) = read(("bucket-0a3", data))
        assert (arrival.event, arrival.order_id, arrival.raw) == (None, None, data)
        assert arrival.partition_key == "bucket-0a3"


def test_an_unreadable_event_in_a_buckets_aggregate_is_of_its_own_order():
    aggregator = RecordAggregator()
    for key, data in (("A", encode_event(make_event(1))), ("B", b"no event")):
        aggregator.add_user_record(key, data, "0")
    good, bad = read(("bucket-0a3", aggregator.clear_and_get().get_contents()[2]))
    assert (good.order_id, good.version) == ("A", 1)
    assert (bad.event, bad.order_id, bad.raw) == (None, "B", b"no event")


def test_nul_in_data_is_an_event_like_any_other():
    event = make_event(1, text="a\0b")
    (arrival,) = read(("A", encode_event(event)))
    assert arrival.event == event
    assert arrival.data == b'{"text":"a\\u0000b"}'


def test_numbers_of_any_size_are_kept_exactly():
    (arrival,) = read(("A", encode_event(make_event(1, n=10**40))))
    assert arrival.data == b'{"n":1' + b"0" * 40 + b"}"


@pytest.mark.parametrize("lambda_event", [{}, {"Records": [{}]}, {"Records": [{"s3": {}}]}])
def test_an_event_that_is_not_of_kinesis_is_somebody_elses(lambda_event):
    with pytest.raises(KeyError):
        read_batch(lambda_event)


def test_base64_is_standard():
    assert base64.b64decode(batch(("A", b"\xfb\xff"))["Records"][0]["kinesis"]["data"]) == (
        b"\xfb\xff"
    )
