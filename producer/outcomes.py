"""What became of one record of one request: the four answers the state machine understands.

Kinesis answers record by record or for the request as a whole; either way the shell gives the state
machine one outcome per record, in the request's order. An answer is a refusal only where it is
certain that nothing was stored. Whatever is not known to be a refusal is `Unanswered`: to call a
stored record "not sent" would let its successor overtake its repetition.
"""

from typing import TypeAlias

import msgspec

THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "KMSThrottlingException",
        "LimitExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
    }
)
"""Error codes that mean "too fast": botocore's Kinesis model (PutRecords, its errors), and the
codes that AWS's own SDKs treat as throttling (botocore.retries.standard)."""

FOR_ONE_RECORDS_SAKE = frozenset(
    {
        "InvalidArgumentException",
        "ValidationException",
        "SerializationException",
        "413",
        "RequestEntityTooLargeException",
    }
)
"""Error codes with which a whole request fails because one of its records cannot be taken. The bare
413 is the front end's answer to a record that is too large (boto/boto3#1147)."""

_REQUEST_TIMEOUT = 408
_SERVER_ERROR = 500


class Accepted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The record is on the stream."""

    shard_id: str
    sequence_number: int


class Refused(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The record is not on the stream, for a reason that has nothing to do with what is in it."""

    code: str
    detail: str


class Suspect(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The record is not on the stream, and may be why its request was refused."""

    code: str
    detail: str


class Unanswered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Nobody knows: the record may be on the stream, or land there later."""

    code: str
    detail: str


Failure: TypeAlias = Refused | Suspect | Unanswered
Outcome: TypeAlias = Accepted | Failure


def failure_of_request(*, code: str, detail: str, status: int) -> Failure:
    """What an error answer to a whole request, with its HTTP status, says about its records."""
    if code in FOR_ONE_RECORDS_SAKE:
        return Suspect(code=code, detail=detail)
    if code in THROTTLES:
        return Refused(code=code, detail=detail)
    if status >= _SERVER_ERROR or status == _REQUEST_TIMEOUT:
        return Unanswered(code=code, detail=detail)
    return Refused(code=code, detail=detail)


def failure_of_record(*, code: str, detail: str) -> Failure:
    """What an entry's `ErrorCode` in the answer to PutRecords says about that record.

    Kinesis documents two: `ProvisionedThroughputExceededException` and `InternalFailure` (API
    reference, PutRecordsResultEntry); emulators answer with others.
    """
    if code in FOR_ONE_RECORDS_SAKE:
        return Suspect(code=code, detail=detail)
    if code in THROTTLES:
        return Refused(code=code, detail=detail)
    return Unanswered(code=code, detail=detail)
