"""What the caller is told: an HTTP answer that says for each event where it stands.

| status | when |
|---|---|
| 202 | every event has a receipt |
| 400, 413 | nothing was sent: the body or an event is wrong; which, and why |
| 503 | an event may or may not be on the stream, or the stream cannot be reached |
| 429 | the stream is throttled; nothing is uncertain |
| 400 | the stream itself refuses an event; the others were sent, or wait behind it |

After 429 and 503 the caller repeats the events without a receipt, the same ids in the same order,
before any later event of their orders: that is what keeps the order, and what has arrived after all
is dropped as a double. Nothing else remembers them.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from contract import Event
from producer.body import BadRequest
from producer.delivery import Result
from producer.errors import KeyPaused, OutOfOrder, SendError, Unknown
from producer.outcomes import FOR_ONE_RECORDS_SAKE, THROTTLES
from producer.receipts import Receipt

REPEAT = (
    "Send the events that are not_sent or unknown again, with the same ids and in the same order,"
    " before any later event of their orders."
)
NOT_TAKEN = "The stream refuses an event. Correct it, then send it and the events not sent."
RETRY_AFTER_SECONDS = 1


def answer_invalid(error: BadRequest) -> dict[str, Any]:
    """400 or 413: nothing was sent."""
    return _answer(error.status, {"message": "Nothing was sent.", "problems": error.problems})


def answer_unavailable(events: Sequence[Event], reason: str) -> dict[str, Any]:
    """503 before anything was tried: every event is not sent."""
    entries = [
        {"index": index, **_name(event), "status": "not_sent", "problem": reason}
        for index, event in enumerate(events)
    ]
    return _answer(503, {"message": REPEAT, "events": entries})


def answer(events: Sequence[Event], results: Sequence[Result]) -> dict[str, Any]:
    """What became of each event, under the status that tells the caller what to do."""
    failures = [result for result in results if isinstance(result, SendError)]
    if not failures:
        receipts = [
            {**_name(event), **_receipt(result)}
            for event, result in zip(events, results, strict=True)
            if isinstance(result, Receipt)
        ]
        return _answer(202, {"receipts": receipts})
    entries = [
        {"index": index, **_name(event), **_standing(result)}
        for index, (event, result) in enumerate(zip(events, results, strict=True))
    ]
    status = _status(failures)
    message = NOT_TAKEN if status == HTTPStatus.BAD_REQUEST else REPEAT
    return _answer(status, {"message": message, "events": entries})


def _status(failures: Sequence[SendError]) -> int:
    codes = {failure.code for failure in failures}
    if any(isinstance(failure, Unknown | OutOfOrder) for failure in failures):
        return 503
    if codes <= FOR_ONE_RECORDS_SAKE:
        return 400
    return 429 if codes <= FOR_ONE_RECORDS_SAKE | THROTTLES else 503


def _name(event: Event) -> dict[str, str]:
    return {"id": str(event.id), "order_id": event.order_id}


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "shard_id": receipt.shard_id,
        # A string, as in Kinesis's own answers: it is larger than a JSON reader's numbers.
        "sequence_number": str(receipt.sequence_number),
        "sub_sequence_number": receipt.sub_sequence_number,
    }


def _standing(result: Result) -> dict[str, Any]:
    if isinstance(result, Receipt):
        return {"status": "sent", **_receipt(result)}
    problem: dict[str, Any] = {"problem": f"{result.code}: {result.detail}"}
    if isinstance(result, KeyPaused):
        problem["behind"] = str(result.cause.event_id)
    if isinstance(result, Unknown):
        return {"status": "unknown", **problem}
    return {"status": "out_of_order" if isinstance(result, OutOfOrder) else "not_sent", **problem}


def _answer(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"content-type": "application/json"}
    if status in (429, 503):
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return {
        "statusCode": status,
        "headers": headers,
        "body": msgspec.json.encode(body).decode(),
        "isBase64Encoded": False,
    }
