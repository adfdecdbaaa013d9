"""What a function's answer says about its batch, when ReportBatchItemFailures is on.

Source: Lambda Developer Guide, "Configuring partial batch response with Kinesis Data Streams":
an empty or null answer or list is success; an empty, null or misnamed `itemIdentifier` fails the
whole batch; of several the lowest sequence number counts. LocalStack's tests, validated against
AWS, add that `""` and `[]` are success too. What neither says (an answer that is not an object, a
list that is none, a sequence number that is not in the batch) fails the whole batch here: what
cannot be understood must not be skipped.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from local.mapping.facts import Record


class Verdict(Enum):
    """An answer that says nothing about a single record."""

    SUCCEEDED = "every record is finished"
    FAILED = "no record is finished"


def read_answer(answer: Any, records: Sequence[Record]) -> Verdict | int:
    """The verdict, or the index in `records` of the first record that is not finished."""
    if answer is None or answer in ("", [], {}):
        return Verdict.SUCCEEDED
    if not isinstance(answer, dict):
        return Verdict.FAILED
    failures = answer.get("batchItemFailures")
    if failures is None or failures == []:
        return Verdict.SUCCEEDED
    if not isinstance(failures, list):
        return Verdict.FAILED
    index_of = {record.sequence_number: index for index, record in enumerate(records)}
    indexes = [_index(failure, index_of) for failure in failures]
    known = [index for index in indexes if index is not None]
    return min(known) if len(known) == len(indexes) else Verdict.FAILED


def _index(failure: Any, index_of: dict[int, int]) -> int | None:
    identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
    # By value: some endpoints pad sequence numbers with zeros, which AWS never does.
    if not isinstance(identifier, str) or not (identifier.isascii() and identifier.isdigit()):
        return None
    return index_of.get(int(identifier))
