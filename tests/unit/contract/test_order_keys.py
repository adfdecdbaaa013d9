"""From an order to its place on the stream."""

from itertools import pairwise

import pytest

from contract import KeyStrategy, OrderKeys, Position


@pytest.mark.parametrize("order_id", ["A", "x" * 256, "ü/€", " "])
def test_in_order_mode_the_order_is_the_partition_key(order_id):
    strategy: KeyStrategy = OrderKeys()
    assert strategy.mode == "order"
    assert strategy.stream_key(order_id) == (order_id, None)
    assert OrderKeys().stream_key(order_id).partition_key == order_id


def test_positions_compare_as_on_the_stream():
    in_order = [
        Position(9),
        Position(10),
        Position(10, 1),
        Position(10, 10),
        Position(10**56),
        Position(10**56 + 1),
    ]
    assert all(earlier < later for earlier, later in pairwise(in_order))
    assert str(Position(10**56, 3)) == f"{10**56}.3"
