"""`bucket` mode's keys: an order is always in the same bucket, and a bucket on one shard."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import BucketKeys, InvalidEvent, KeyStrategy, OrderKeys, encode_event, parse_event
from contract.keys import STRATEGIES, is_bucket_key
from tests.consuming.events import make_event

order_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)
HASHES = 2**128


def hash_of(order_id: str) -> int:
    """Where Kinesis puts the order in `order` mode."""
    return int(hashlib.md5(order_id.encode(), usedforsecurity=False).hexdigest(), 16)


@pytest.mark.parametrize(
    ("order_id", "bucket"), [("A", "7fc"), ("B", "9d5"), ("order-1", "6e7"), ("ü/€", "b98")]
)
def test_a_bucket_is_for_ever(order_id, bucket):
    """Another bucket for an order that is on the stream already would break its order: P3."""
    strategy: KeyStrategy = BucketKeys()
    assert strategy.mode == "bucket"
    assert strategy.stream_key(order_id) == (f"bucket-{bucket}", str(int(bucket, 16) << 116))


@given(order_ids)
def test_the_explicit_hash_key_is_the_start_of_the_slice_that_holds_the_order(order_id):
    key = BucketKeys().stream_key(order_id)
    start = int(key.explicit_hash_key)
    assert start <= hash_of(order_id) < start + HASHES // 4096
    assert start % (HASHES // 4096) == 0
    assert is_bucket_key(key.partition_key)


@given(order_ids, st.lists(st.integers(1, HASHES - 1), max_size=8, unique=True))
def test_a_bucket_is_on_one_shard_wherever_shards_begin(order_id, splits):
    """P3 under any resharding: the shard is that of one hash, the bucket's own."""
    bounds = [0, *sorted(splits), HASHES]
    start = int(BucketKeys().stream_key(order_id).explicit_hash_key)
    assert sum(low <= start < high for low, high in pairwise(bounds)) == 1


def test_as_many_buckets_as_there_are():
    keys = {BucketKeys().stream_key(f"order-{n}") for n in range(100_000)}
    assert len(keys) == 4096
    assert len({key.partition_key for key in keys}) == 4096


@pytest.mark.parametrize("key", ["bucket-000", "bucket-fff", "bucket-0a3"])
def test_no_order_may_look_like_a_bucket(key):
    """Or its unreadable bytes could not be told from a bucket's."""
    assert is_bucket_key(key)
    with pytest.raises(InvalidEvent, match=r"^order_id: has the form of a bucket's"):
        parse_event(encode_event(make_event(1, order_id=key)))


@pytest.mark.parametrize("key", ["bucket-", "bucket-00", "bucket-0000", "bucket-0A3", "x-bucket-0"])
def test_what_only_resembles_a_bucket_is_an_order(key):
    assert not is_bucket_key(key)
    assert parse_event(encode_event(make_event(1, order_id=key))).order_id == key


def test_a_mode_has_its_strategy():
    assert {mode: make().mode for mode, make in STRATEGIES.items()} == {
        "order": OrderKeys.mode,
        "bucket": BucketKeys.mode,
    }
