"""The limits that the producers are measured against are those that Kinesis documents."""

import pytest

from bench.producer.limits import HASHES, ShardLimits
from contract import BucketKeys


def test_a_shard_takes_a_thousand_records_a_second_and_saves_up_no_more_than_one():
    limits = ShardLimits(2, now=0.0)
    assert limits.admit([(0, 100)], 0.0) == [False]
    assert limits.admit([(0, 100)] * 600, 0.5) == [True] * 500 + [False] * 100
    assert sum(limits.admit([(0, 100)] * 3_000, 100.0)) == 1_000
    assert sum(limits.admit([(1, 100)] * 3_000, 100.0)) == 1_000, "each shard has its own"


def test_a_shard_takes_a_million_bytes_a_second():
    limits = ShardLimits(1, now=0.0)
    assert limits.admit([(0, 250_000)] * 5, 1.0) == [True] * 4 + [False]
    assert limits.admit([(0, 250_000)], 1.2) == [False]
    assert limits.admit([(0, 250_000)], 1.25) == [True]


def test_what_is_refused_costs_nothing_and_is_counted_apart():
    limits = ShardLimits(1, now=0.0)
    limits.admit([(0, 999_999), (0, 1_000), (0, 1)], 1.0)
    counts = limits.count(1.0)
    assert (counts.records, counts.bytes, counts.throttled) == (2, 1_000_000, 1)


@pytest.mark.parametrize(("size", "units"), [(1, 1), (25_000, 1), (25_001, 2), (1_000_000, 40)])
def test_put_payload_units_are_of_25_kb(size, units):
    limits = ShardLimits(1, now=0.0, limited=False)
    limits.admit([(0, size)], 0.0)
    assert limits.count(0.0).units == units


def test_emptied_shards_have_saved_nothing_and_counted_nothing():
    limits = ShardLimits(1, now=0.0)
    limits.admit([(0, 1)], 10.0)
    limits.empty(20.0)
    assert limits.admit([(0, 1)], 20.0) == [False]
    counts = limits.count(21.0)
    assert (counts.seconds, counts.records, counts.throttled) == (1.0, 0, 1)


def test_shards_share_the_hash_space_evenly():
    limits = ShardLimits(16, now=0.0)
    assert limits.shard_of("A", None) == 0x7FC56270E7A70FA81A5935B72EACBE29 * 16 // HASHES == 7
    assert limits.shard_of("A", "0") == 0
    assert limits.shard_of("A", str(HASHES - 1)) == 15
    key = BucketKeys().stream_key("A")
    assert limits.shard_of(key.partition_key, key.explicit_hash_key) == 7
