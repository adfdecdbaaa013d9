"""Spans cover the time without holes, whatever is in them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from consumer.audit.spans import MOST_ROWS, first_span, following, halved, too_many

START = datetime(2026, 5, 4, tzinfo=UTC)


@given(
    st.floats(min_value=0.001, max_value=40 * 86_400),
    st.lists(st.integers(0, 4 * MOST_ROWS), min_size=1, max_size=50),
)
def test_spans_follow_each_other_up_to_the_target(seconds, counts):
    target = START + timedelta(seconds=seconds)
    span = first_span(START, target)
    assert span.start == START
    for rows in counts:
        if span.start == span.end:
            break
        if too_many(span, rows):
            half = halved(span)
            assert half.start == span.start
            assert half.length < span.length
            span = half
            continue
        after = following(span, rows, target)
        assert after.start == span.end
        assert after.end <= target
        assert after.length > timedelta(0) or after.start == target
        span = after
