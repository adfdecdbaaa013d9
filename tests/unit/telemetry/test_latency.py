"""The sample of a batch's latencies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.latency import MOST, milliseconds, sample


@given(st.integers(0, 20_000))
def test_a_sample_is_bounded_sorted_and_without_doubles(count):
    chosen = list(sample(count))
    assert len(chosen) == min(count, MOST)
    assert chosen == sorted(set(chosen))
    assert all(0 <= i < count for i in chosen)


@pytest.mark.parametrize("count", [100, 1_000, 10_000])
def test_each_of_the_sample_stands_for_as_many(count):
    """So that a percentile of the sample is the batch's, to a tenth of it."""
    share = count // MOST
    assert [i // share for i in sample(count)] == list(range(MOST))


def test_times_are_whole_milliseconds_and_never_less_than_one():
    assert milliseconds([10.0, 11.4999, 12.0, 99.0], 12.0) == [2_000, 500, 1, 1]
