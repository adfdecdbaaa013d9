"""The small parts: settings, waits, receipts, what callers hand in, the function's variables."""

import uuid

import pytest

from contract import BucketKeys, Event, InvalidEvent, Position, encode_event, parse_event
from contract.keys import StreamKey
from producer import InvalidSetting, KeyPaused, NotSent, ProducerSettings, Receipt, Unknown
from producer.backoff import FullJitter
from producer.configuration import read_configuration
from producer.intake import encoded
from producer.receipts import LastReceipts
from producer.settings import MAX_REQUEST_BYTES
from tests.unit.producer.driving import event_id


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("delivery_timeout", 0),
        ("linger", -0.1),
        ("record_linger", -0.1),
        ("max_requests_in_flight", 0),
        ("max_request_records", 501),
        ("max_request_bytes", MAX_REQUEST_BYTES + 1),
        ("max_request_bytes", 1_000),
        ("max_record_bytes", 1024 * 1024 + 1),
        ("max_buffered_bytes", 1_000),
        ("retry_base", 0),
        ("read_timeout", -1),
        ("on_full", "drop"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name, value):
    with pytest.raises(InvalidSetting, match=f"^{name}: "):
        ProducerSettings(**{name: value})


def test_the_defaults_can_be_used():
    assert ProducerSettings().guards
    assert ProducerSettings(linger=0).linger == 0


@pytest.mark.parametrize(("attempts", "ceiling"), [(1, 1), (2, 2), (3, 4), (4, 5), (10**6, 5)])
def test_full_jitter_draws_from_zero_to_the_ceiling(attempts, ceiling):
    for drawn in (0.0, 0.25, 0.999):
        wait = FullJitter(base=1, cap=5, random=lambda drawn=drawn: drawn)
        assert wait.delay(attempts) == drawn * ceiling


def test_last_receipts_remember_the_keys_used_last():
    last = LastReceipts(2)
    a, b, c = StreamKey("a"), StreamKey("b"), StreamKey("c")
    assert last.grows(a, 5)
    assert last.grows(b, 3)
    assert last.grows(a, 6)
    assert last.grows(c, 1)
    assert not last.grows(a, 6)
    assert last.grows(b, 1), "b was forgotten: it is taken at its word"
    assert len(last) == 2


def test_a_receipt_has_a_position():
    receipt = Receipt(
        event_id=event_id("x"),
        order_id="a",
        shard_id="shardId-0",
        sequence_number=10**30,
        sub_sequence_number=3,
    )
    assert receipt.position == Position(10**30, 3)


def test_errors_say_which_event_of_which_order_and_why():
    one, two = uuid.uuid4(), uuid.uuid4()
    lost = Unknown(event_id=one, order_id="o-1", code="ReadTimeoutError", detail="no answer")
    behind = KeyPaused(event_id=two, cause=lost)
    assert str(lost) == (
        f"event {one} of order 'o-1' may or may not have been sent: ReadTimeoutError: no answer"
    )
    assert str(behind) == (
        f"event {two} of order 'o-1' was not sent: ReadTimeoutError:"
        f" its order is paused, because {lost}"
    )
    assert isinstance(behind, NotSent)
    assert behind.cause is lost


GOOD = {
    "id": str(uuid.uuid4()),
    "source": "test",
    "type": "changed",
    "order_id": "a",
    "time": "2026-01-01T00:00:00Z",
    "data": {"n": 1},
}


def test_what_is_sent_reads_back_as_the_event_that_was_given():
    from_mapping, payload = encoded(GOOD)
    assert parse_event(payload) == from_mapping
    from_event, payload = encoded(from_mapping)
    assert payload == encode_event(from_mapping)
    assert encoded(payload) == (from_event, payload)


@pytest.mark.parametrize(
    "wrong",
    [
        GOOD | {"order_id": ""},
        GOOD | {"order_id": "a\0"},
        GOOD | {"data": {"n": object()}},
        GOOD | {"data": {"n": "\ud800"}},
        GOOD | {"version": 2**63},
        {},
    ],
)
def test_what_breaks_the_contract_is_not_taken(wrong):
    with pytest.raises(InvalidEvent):
        encoded(wrong)


def test_an_event_built_in_python_is_held_to_the_contract_too():
    event = parse_event(encoded(GOOD)[1])
    bare = {name: getattr(event, name) for name in event.__struct_fields__}
    with pytest.raises(InvalidEvent, match="order_id"):
        encoded(Event(**bare | {"order_id": "x" * 257}))


def test_the_function_reads_its_variables():
    settings = read_configuration(
        {
            "STREAM_NAME": "orders",
            "PRODUCER_READ_TIMEOUT": "2.5",
            "PRODUCER_CONNECT_TIMEOUT": "0.5",
            "PRODUCER_GUARDS": "off",
        }
    )
    assert settings.stream == "orders"
    assert settings.attempt_seconds == 3.0
    assert not settings.producer.guards
    assert settings.strategy.mode == "order"


def test_the_function_is_told_its_mode():
    settings = read_configuration({"STREAM_NAME": "orders", "PRODUCER_MODE": "bucket"})
    assert isinstance(settings.strategy, BucketKeys)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STREAM_NAME", ""),
        ("PRODUCER_READ_TIMEOUT", "soon"),
        ("PRODUCER_READ_TIMEOUT", "0"),
        ("PRODUCER_CONNECT_TIMEOUT", "nan"),
        ("PRODUCER_ANSWER_MARGIN", "-1"),
        ("PRODUCER_MAX_BODY_BYTES", "inf"),
        ("PRODUCER_GUARDS", "maybe"),
        ("PRODUCER_MODE", "buckets"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name, value):
    with pytest.raises(InvalidSetting, match=f"^{name}: "):
        read_configuration({"STREAM_NAME": "orders", name: value})
