"""A file of events is taken whole or not at all, and a bad line is named."""

import gzip
from pathlib import Path

import pytest

from local.demo.events_file import BadEventsFile, check, read

GOOD = (
    '{"id":"2153e32b-1b44-52d7-96cf-f98a3cffce22","source":"s","type":"T","order_id":"o",'
    '"time":"2026-01-01T00:00:00Z","data":{},"version":1}'
)


def test_plain_and_gzipped_files_are_read_in_order(tmp_path: Path) -> None:
    text = f"{GOOD}\n\n{GOOD.replace(':1}', ':2}')}\n"
    (tmp_path / "events.jsonl").write_text(text)
    (tmp_path / "events.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    for file in tmp_path.iterdir():
        assert check(file) == 2
        assert [event.version for event in read(file)] == [1, 2]


def test_bad_lines_are_named_with_their_field(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(f"{GOOD}\n{GOOD.replace(':1}', ':0}')}\n{GOOD.replace('version', 'verson')}\n")
    with pytest.raises(BadEventsFile) as failure:
        check(file)
    message = str(failure.value)
    assert message.startswith("2 of 3 lines are no events, so nothing was sent:")
    assert f"{file}:2: version: expected `int` >= 1" in message
    assert f"{file}:3: verson: object contains unknown field" in message


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("empty.jsonl", b"\n", "holds no events"),
        ("broken.jsonl.gz", b"no gzip at all", "cannot be read"),
        ("cut.jsonl.gz", gzip.compress(GOOD.encode() * 100)[:-12], "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(BadEventsFile, match=problem):
        check(file)
