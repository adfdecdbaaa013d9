"""Every field of the event is checked, and what is wrong is named."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from contract import Event, InorderError, InvalidEvent, encode_event, parse_event
from contract.event import MAX_EVENT_BYTES, MAX_VERSION

GOOD = {
    "id": "2153e32b-1b44-52d7-96cf-f98a3cffce22",
    "source": "shop",
    "type": "OrderPlaced",
    "order_id": "A-1",
    "time": "2026-05-04T12:00:00.25Z",
    "data": {"customer_id": "c", "lines": [1, 2.5, None, True, {"x": "ü"}]},
    "version": 7,
}
MISSING = object()


def document(**changes) -> bytes:
    fields = {name: value for name, value in (GOOD | changes).items() if value is not MISSING}
    return json.dumps(fields).encode()


def refused(raw: bytes) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        parse_event(raw)
    assert str(caught.value) == f"{caught.value.field}: {caught.value.problem}"
    return caught.value


def test_every_field():
    assert parse_event(document()) == Event(
        id=UUID("2153e32b-1b44-52d7-96cf-f98a3cffce22"),
        source="shop",
        type="OrderPlaced",
        order_id="A-1",
        time=datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC),
        data={"customer_id": "c", "lines": [1, 2.5, None, True, {"x": "ü"}]},
        version=7,
    )


@pytest.mark.parametrize("version", [MISSING, None])
def test_the_version_is_optional(version):
    assert parse_event(document(version=version)).version is None


def test_text_is_as_good_as_bytes():
    assert parse_event(document().decode()) == parse_event(document())


def test_what_is_encoded_parses_to_the_same():
    event = parse_event(document())
    assert parse_event(encode_event(event)) == event
    assert encode_event(event) == encode_event(parse_event(encode_event(event)))


@pytest.mark.parametrize("field", ["id", "source", "type", "order_id", "time", "data"])
def test_a_missing_field_is_named(field):
    error = refused(document(**{field: MISSING}))
    assert error.field == field
    assert "missing required field" in error.problem


@pytest.mark.parametrize("field", ["id", "source", "type", "order_id", "time", "data"])
def test_null_is_no_value(field):
    error = refused(document(**{field: None}))
    assert (error.field, "got `null`" in error.problem) == (field, True)


@pytest.mark.parametrize("name", ["Version", "versoin", "order_ID", ""])
def test_a_misspelt_field_is_named(name):
    error = refused(document(**{name: 1}))
    assert error.field == (name or "event")
    assert "unknown field" in error.problem


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "not a uuid"),
        ("id", ""),
        ("id", 7),
        ("id", "2153e32b-1b44-52d7-96cf-f98a3cffce2"),
        ("source", ""),
        ("source", "x" * 257),
        ("source", 7),
        ("source", "a\0b"),
        ("type", ""),
        ("type", "x" * 257),
        ("type", ["OrderPlaced"]),
        ("type", "a\0b"),
        ("order_id", ""),
        ("order_id", "x" * 257),
        ("order_id", 12345),
        ("order_id", "a\0"),
        ("time", "yesterday"),
        ("time", "2026-05-04"),
        ("time", "2026-05-04T12:00:00"),
        ("time", "2026-13-04T12:00:00Z"),
        ("time", "2026-05-04T12:00:00+24:00"),
        ("time", 1777896000),
        ("data", []),
        ("data", "text"),
        ("data", 7),
        ("version", 0),
        ("version", -1),
        ("version", 1.5),
        ("version", 1.0),
        ("version", "1"),
        ("version", True),
        ("version", MAX_VERSION + 1),
        ("version", 2**64),
        ("version", 10**40),
    ],
)
def test_a_wrong_value_is_named_by_its_field(field, value):
    error = refused(document(**{field: value}))
    assert error.field == field
    assert error.problem


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("order_id", "x" * 256),
        ("order_id", "€" * 256),
        ("order_id", "\U0001f600" * 256),
        ("order_id", " "),
        ("version", MAX_VERSION),
        ("version", 1),
        ("time", "2026-05-04T12:00:00+05:30"),
        ("data", {}),
    ],
)
def test_the_edges_of_what_is_good(field, value):
    assert getattr(parse_event(document(**{field: value})), field) is not None


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "is not JSON"),
        (b"no event", "is not JSON"),
        (document()[:-1], "is not JSON"),
        (document() * 2, "is not JSON"),
        (b"\xef\xbb\xbf" + document(), "is not JSON"),
        (b"[]", "got `array`"),
        (b"null", "got `null`"),
        (document().replace(b"shop", b"sh\xffp"), "is not UTF-8"),
        (document().replace(b"shop", b"sh\xed\xa0\x80p"), "is not UTF-8"),
        (document().replace(b"shop", b"sh\\ud800p"), "is not JSON"),
        (document(data={"x": "y" * MAX_EVENT_BYTES}), "bytes long, at most 1,000,000 fit"),
        (
            document(data={"x": 0}).replace(b'"x": 0', b'"x": ' + b"[" * 200_000 + b"]" * 200_000),
            "nested too deeply",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_trap_8_what_is_no_event_at_all(raw, problem):
    error = refused(raw)
    assert error.field == "event"
    assert problem in error.problem


def test_trap_8_a_surrogate_anywhere_is_refused():
    refused(document(data={"x": "y"}).replace(b'"y"', b'"\\udfff"'))
    refused(document(data={"x": "y"}).replace(b'"x"', b'"\\udfff"'))


def test_a_number_that_no_number_can_hold_is_named():
    error = refused(document(data={"x": 0}).replace(b'"x": 0', b'"x": 1e999'))
    assert error.field.startswith("data")


def test_the_largest_event_fits():
    room = MAX_EVENT_BYTES - len(document(data={"x": ""}))
    assert parse_event(document(data={"x": "y" * room}))


def test_an_invalid_event_is_an_error_of_inorder():
    assert issubclass(InvalidEvent, InorderError)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"order_id": ""}, "order_id"),
        ({"version": 0}, "version"),
        ({"version": 2**63}, "version"),
        ({"time": datetime(2026, 5, 4, 12)}, "time"),  # noqa: DTZ001 - the point
        ({"data": {"x": object()}}, "data"),
        ({"data": {"x": {1: 2}, "y": b"\xff"}}, None),
        ({"data": {"x": "\ud800"}}, "data"),
        ({"order_id": "\ud800"}, "data"),
    ],
)
def test_an_event_built_in_python_is_held_to_the_same_rules(changes, field):
    built = Event(**{**{f: getattr(parse_event(document()), f) for f in GOOD}, **changes})
    if field is None:
        assert parse_event(encode_event(built)).data
        return
    with pytest.raises(InvalidEvent) as caught:
        parse_event(encode_event(built))
    assert caught.value.field == field
