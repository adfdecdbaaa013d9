"""A variable that cannot be used is named."""

from pathlib import Path

import pytest

from local.demo.settings import BadDemoSetting, DemoSettings, read


def test_all_variables_are_optional_and_empty_is_unset() -> None:
    assert read({}) == DemoSettings()
    assert read({"EVENTS": "", "SHARDS": "", "REPORT": ""}) == DemoSettings()


def test_variables_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.touch()
    given = read({"EVENTS": str(file), "SHARDS": "2", "RATE": "0", "REPORT": "r.json"})
    assert (given.events, given.shards, given.rate, given.report) == (file, 2, 0, Path("r.json"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHARDS", "0"),
        ("SHARDS", "many"),
        ("PRODUCERS", "-1"),
        ("COUNT", "1.5"),
        ("EVENTS", "/nowhere/events.jsonl"),
        ("MIGRATIONS", "/nowhere"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str) -> None:
    with pytest.raises(BadDemoSetting, match=f"{name}={value}"):
        read({name: value})
