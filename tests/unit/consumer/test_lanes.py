"""The batch plan: what goes into one transaction, and behind what."""

import pytest

from consumer.arrivals import Record
from consumer.lanes import chunks, lanes
from tests.consuming.events import arrive, make_event


def record(number: int, *order_ids: str) -> Record:
    return Record(
        sequence_number=str(number),
        arrivals=tuple(
            arrive(number, make_event(number, order_id=order_id), sub=i)
            for i, order_id in enumerate(order_ids)
        ),
    )


def test_a_lane_per_order_each_in_stream_order():
    plan = lanes([record(1, "A", "B", "A"), record(2, "B"), record(3, "A")])
    positions = {order_id: [str(a.position) for a in lane] for order_id, lane in plan.items()}
    assert positions == {"A": ["1.0", "1.2", "3.0"], "B": ["1.1", "2.0"]}


def test_what_belongs_to_no_order_has_a_lane_of_its_own():
    unknown = Record(sequence_number="1", arrivals=(arrive(1, b"x", partition_key="k\0"),))
    assert list(lanes([unknown, record(2, "A")])) == [None, "A"]


@pytest.mark.parametrize(
    ("sizes", "most", "cut"),
    [
        ([], 3, []),
        ([1], 3, [[1]]),
        ([1, 1, 1], 3, [[1, 1, 1]]),
        ([1, 1, 1, 1], 3, [[1, 1, 1], [1]]),
        ([2, 2], 3, [[2], [2]]),
        ([5, 1, 1], 3, [[5], [1, 1]]),
        ([1, 5, 1], 3, [[1], [5], [1]]),
        ([1, 1], 1, [[1], [1]]),
    ],
)
def test_chunks_are_cut_between_records(sizes, most, cut):
    records = [record(i, *["A"] * size) for i, size in enumerate(sizes)]
    found = list(chunks(records, most))
    assert [[len(r.arrivals) for r in chunk] for chunk in found] == cut
    assert [r for chunk in found for r in chunk] == records


def test_a_record_with_nothing_in_it_is_in_a_chunk_too():
    empty = Record(sequence_number="7", arrivals=())
    assert list(chunks([empty], 3)) == [[empty]]
