"""KPL aggregates: every user record, or an error; never some of them."""

import hashlib

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator

from consumer.deaggregate import BrokenAggregate, UserRecord, deaggregate, is_aggregate
from contract.kpl import MAGIC


def signed(message: bytes) -> bytes:
    return MAGIC + message + hashlib.md5(message).digest()  # noqa: S324 - the checksum of the format


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field of up to 127 bytes."""
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def record(index: bytes = b"\x08\x00", data: bytes = field(3, b"data")) -> bytes:
    return field(3, index + data)


KEY = field(1, b"A")


def kpl(*users: tuple[str, bytes, str | None]) -> bytes:
    """The record another producer makes of these keys, data and explicit hash keys."""
    aggregator = RecordAggregator()
    for key, data, hash_key in users:
        assert aggregator.add_user_record(key, data, hash_key) is None
    return aggregator.clear_and_get().get_contents()[2]


def test_the_user_records_in_their_order():
    data = kpl(("A", b"one", None), ("B", b"two", None), ("A", b"three", None))
    assert is_aggregate(data)
    assert deaggregate(data) == [
        UserRecord("A", b"one"),
        UserRecord("B", b"two"),
        UserRecord("A", b"three"),
    ]


def test_explicit_hash_keys_do_not_disturb():
    data = kpl(("A", b"one", "1"), ("B", b"two", None), ("C", b"three", "2"))
    assert [user.partition_key for user in deaggregate(data)] == ["A", "B", "C"]


def test_tags_and_hash_keys_of_a_foreign_producer_do_not_disturb():
    tag = field(4, field(1, b"tag") + field(2, b"value"))
    message = KEY + field(2, b"123") + field(3, b"\x08\x00\x10\x00" + field(3, b"data") + tag)
    assert deaggregate(signed(message)) == [UserRecord("A", b"data")]


def test_fields_that_come_with_a_later_format_do_not_disturb():
    message = KEY + record(data=field(3, b"data") + field(9, b"?")) + field(12, b"?")
    assert deaggregate(signed(message)) == [UserRecord("A", b"data")]


def test_data_may_be_empty_or_not_text():
    data = kpl(("A", b"", None), ("A", b"\xff\x00", None))
    assert [user.data for user in deaggregate(data)] == [b"", b"\xff\x00"]


def test_many():
    users = [(f"order-{i}", str(i).encode(), None) for i in range(5_000)]
    assert deaggregate(kpl(*users)) == [UserRecord(key, data) for key, data, _ in users]


GOOD = kpl(("A", b"one", None), ("B", b"two", None))


@pytest.mark.parametrize("data", [b"", b"{}", b"\xf3\x89\x9a", GOOD[1:], MAGIC[:3]])
def test_what_is_no_aggregate(data):
    assert not is_aggregate(data)


@pytest.mark.parametrize("size", range(len(MAGIC), len(GOOD)))
def test_cut_anywhere_it_is_broken(size):
    assert is_aggregate(GOOD[:size])
    with pytest.raises(BrokenAggregate, match="checksum"):
        deaggregate(GOOD[:size])


@pytest.mark.parametrize("place", range(len(MAGIC), len(GOOD)))
def test_changed_anywhere_it_is_broken(place):
    changed = bytearray(GOOD)
    changed[place] ^= 0x01
    with pytest.raises(BrokenAggregate, match="checksum"):
        deaggregate(bytes(changed))


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"\xff\xff", "not protobuf"),
        (b"", "nothing in it"),
        (KEY, "nothing in it"),
        (KEY + record(index=b"\x08\x01"), "lacks a partition key"),
        (record(), "lacks a partition key"),
        (KEY + record(index=b"\x08" + b"\xff" * 9 + b"\x01"), "lacks a partition key"),
        (KEY + record(index=b""), "lacks a field"),
        (KEY + record(data=b""), "lacks a field"),
        (field(1, b"\xff\xfe") + record(), "not UTF-8"),
    ],
    ids=[
        "no protobuf",
        "nothing",
        "keys only",
        "index behind the table",
        "no table",
        "index beyond any list",
        "no index",
        "no data",
        "key of bytes",
    ],
)
def test_signed_but_wrong(message, problem):
    with pytest.raises(BrokenAggregate, match=problem):
        deaggregate(signed(message))
