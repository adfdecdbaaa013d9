"""The digest tells a re-send from other content."""

import msgspec
import pytest

from contract import canonical_data, content_digest
from tests.consuming.events import id_of, make_event

EVENT = make_event(1, a=1, b={"y": [1, 2], "x": None})


def test_it_is_a_signed_bigint():
    digests = [content_digest(make_event(1, n=n)) for n in range(200)]
    assert all(-(2**63) <= digest < 2**63 for digest in digests)
    assert any(digest < 0 for digest in digests)
    assert len(set(digests)) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"b": {"x": None, "y": [1, 2]}, "a": 1}},
        {"id": id_of("another")},
        {"version": 2},
        {"source": "another"},
        {"order_id": "another"},
    ],
)
def test_equal_content_has_an_equal_digest(changes):
    assert content_digest(msgspec.structs.replace(EVENT, **changes)) == content_digest(EVENT)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "another"},
        {"data": {"a": 1, "b": {"y": [2, 1], "x": None}}},
        {"data": {"a": 1, "b": {"y": [1, 2]}}},
        {"data": {"a": "1", "b": {"y": [1, 2], "x": None}}},
        {"data": {}},
    ],
)
def test_other_content_has_another_digest(changes):
    assert content_digest(msgspec.structs.replace(EVENT, **changes)) != content_digest(EVENT)


def test_type_and_data_are_kept_apart():
    assert content_digest(make_event(type="a", b=1), b'{"c":1}') != content_digest(
        make_event(type='a\0{"c":1}', b=1), b""
    )


def test_the_digest_of_a_version_of_the_contract_never_changes():
    """It is compared with digests that stand in ledgers for years."""
    assert content_digest(EVENT) == -1743662393860802588


def test_given_canonical_data_is_used():
    assert content_digest(EVENT, canonical_data(EVENT)) == content_digest(EVENT)


def test_canonical_data_sorts_keys_at_every_depth():
    event = make_event(z=1, a={"z": 1, "a": [{"b": 1, "a": 2}]})
    assert canonical_data(event) == b'{"a":{"a":[{"a":2,"b":1}],"z":1},"z":1}'
