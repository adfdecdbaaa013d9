"""SQL in files: named, and each name once."""

import re
from pathlib import Path

import pytest

from consumer.sql import read_statements

CONSUMER = Path(__file__).parents[3] / "consumer"
FILES = sorted(CONSUMER.glob("*.sql"))


def written(folder: Path, text: str) -> Path:
    file = folder / "statements.sql"
    file.write_text(text)
    return file


def test_statements_by_name_without_comments_and_semicolon(tmp_path):
    file = written(
        tmp_path,
        "-- about the file\n\n-- name: first\n-- about it\nselect 1\n  -- inside\nfrom a;\n\n"
        "-- name: second\nselect 2;\n",
    )
    assert read_statements(file) == {"first": "select 1\nfrom a", "second": "select 2"}


def test_a_name_that_is_there_twice_is_an_error(tmp_path):
    file = written(tmp_path, "-- name: one\nselect 1;\n\n-- name: one\nselect 2;\n")
    with pytest.raises(ValueError, match="one"):
        read_statements(file)


def test_the_files_are_found():
    assert [file.name for file in FILES] == ["deliveries.sql", "orders.sql", "queries.sql"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_statement_of_ours_is_one_statement(file):
    for name, text in read_statements(file).items():
        assert ";" not in text, name
        assert "--" not in text, name
        assert len(text) < 16_000, f"{name}: a longer text pins a session of RDS Proxy"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_statement_of_ours_is_used(file):
    code = "".join(python.read_text() for python in CONSUMER.glob("*.py"))
    used = set(re.findall(r'(?:_SQL\[|_send\(\s*)"(\w+)"', code))
    assert set(read_statements(file)) <= used
