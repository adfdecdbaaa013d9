"""What an answer says about its batch, shape by shape."""

import pytest

from local.mapping.answer import Verdict, read_answer
from local.mapping.facts import Record

RECORDS = [
    Record(sequence_number=n, sequence_text=f"00{n}", partition_key="a", arrived_ms=0, size=1)
    for n in (10, 20, 30)
]


def failures(*identifiers):
    return {"batchItemFailures": [{"itemIdentifier": i} for i in identifiers]}


@pytest.mark.parametrize(
    "answer", [None, "", [], {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"ok": 1}]
)
def test_these_answers_are_success(answer):
    assert read_answer(answer, RECORDS) is Verdict.SUCCEEDED


@pytest.mark.parametrize(
    "answer",
    [
        failures(""),
        failures(None),
        failures("99"),
        failures("20", "99"),
        failures("20", ""),
        failures("twenty"),
        failures(20),
        {"batchItemFailures": [{"itemidentifier": "20"}]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": ["20"]},
        {"batchItemFailures": "20"},
        {"batchItemFailures": {"itemIdentifier": "20"}},
        "done",
        ["20"],
        7,
        True,
    ],
    ids=repr,
)
def test_these_answers_fail_the_whole_batch(answer):
    assert read_answer(answer, RECORDS) is Verdict.FAILED


@pytest.mark.parametrize(
    ("answer", "index"),
    [
        (failures("10"), 0),
        (failures("20"), 1),
        (failures("020"), 1),
        (failures("30", "20"), 1),
        (failures("30", "30"), 2),
    ],
)
def test_the_lowest_identifier_says_where_the_rest_begins(answer, index):
    assert read_answer(answer, RECORDS) == index
