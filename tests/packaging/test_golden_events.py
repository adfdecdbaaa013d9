"""The golden events are what their generator writes, so that nobody edits one side only."""

import json

import pytest

from tests.events.generate import HERE, golden, written


def test_every_golden_event_is_generated():
    assert {path.name for path in HERE.glob("*.json")} == set(golden())


@pytest.mark.parametrize("name", sorted(golden()))
def test_a_golden_event_is_as_generated(name):
    assert (HERE / name).read_text() == written(golden()[name])
    assert json.loads((HERE / name).read_text()) == golden()[name]
