"""Bytes of a record: plain for one event, a KPL aggregate that others can read for several."""

import base64
import subprocess
import sys

import pytest
from aws_kinesis_agg.deaggregator import iter_deaggregate_records
from hypothesis import given
from hypothesis import strategies as st

from contract.kpl import MAX_RECORD_BYTES
from producer import aggregation
from producer.aggregation import IncompleteAggregate, fitting, record_data
from producer.records import Outgoing
from tests.unit.producer.driving import event_id


def outgoing(order_id: str, payload: bytes) -> Outgoing:
    return Outgoing(
        event_id=event_id("x"), order_id=order_id, payload=payload, deadline=0.0, ticket=None
    )


def read_by_awslabs(data: bytes) -> list[tuple[str, bytes]]:
    """What AWS's own library makes of it."""
    record = {
        "SequenceNumber": "1",
        "PartitionKey": "p",
        "Data": data,
        "ApproximateArrivalTimestamp": 0,
    }
    return [
        (sub["kinesis"]["partitionKey"], base64.b64decode(sub["kinesis"]["data"]))
        for sub in iter_deaggregate_records([record], "Boto3")
    ]


order_ids = st.text(min_size=1, max_size=256).filter(lambda text: "\0" not in text)
events = st.lists(
    st.builds(outgoing, order_ids, st.binary(min_size=2, max_size=400)), min_size=2, max_size=40
)


def test_one_event_is_its_own_json():
    assert record_data([outgoing("a", b"{}")]) == b"{}"


@given(events)
def test_an_aggregate_reads_back_whole_and_in_order_by_another_library(some):
    """P1 no loss, P3 order: inside a record too."""
    assert read_by_awslabs(record_data(some)) == [(e.order_id, e.payload) for e in some]


@given(events)
def test_the_size_that_packing_counts_with_is_never_below_the_real_one(some):
    key = some[0].order_id
    count, size = fitting(some, key_bytes=len(key.encode()), cap=MAX_RECORD_BYTES)
    assert count == len(some)
    real = len(record_data(some)) + len(key.encode())
    assert real <= size <= real + 12 * len(some)


@given(events, st.integers(min_value=1, max_value=5000))
def test_packing_takes_the_longest_beginning_that_fits(some, cap):
    count, size = fitting(some, key_bytes=3, cap=cap)
    assert count >= 1
    if count > 1:
        assert size <= cap
    if count < len(some):
        assert fitting(some[: count + 1], key_bytes=3, cap=10**9)[1] > cap


def test_the_same_events_give_the_same_bytes():
    some = [outgoing("a", b"{1}"), outgoing("b", b"{2}"), outgoing("a", b"{3}")]
    assert record_data(some) == record_data(list(some))


def test_an_aggregate_that_lacks_an_event_is_refused(monkeypatch):
    class Forgetful:
        """Reads one record too few, as a broken message library would."""

        @staticmethod
        def FromString(message):  # noqa: N802 - protobuf's name
            read = real.FromString(message)
            del read.records[-1]
            return read

        def __new__(cls, **fields):
            return real(**fields)

    real = aggregation.kpl_message.AggregatedRecord
    monkeypatch.setattr(aggregation.kpl_message, "AggregatedRecord", Forgetful)
    with pytest.raises(IncompleteAggregate, match="2 events went in, 1 came out"):
        record_data([outgoing("a", b"{1}"), outgoing("a", b"{2}")])


def test_importing_the_producer_leaves_the_import_path_alone():
    code = "import sys; before = list(sys.path); import producer; assert sys.path == before"
    subprocess.run([sys.executable, "-c", code], check=True)
