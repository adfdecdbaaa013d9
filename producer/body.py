"""From an API Gateway request to events: every one checked before any is sent."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from contract import Event, InorderError, InvalidEvent, parse_event
from contract.event import MAX_EVENT_BYTES

Problem: TypeAlias = dict[str, Any]
"""What is wrong with which event: `index` (none for the whole body), `field`, `problem`."""

MAX_PROBLEMS = 100
"""Problems named in one answer."""


class BadRequest(InorderError):
    """The body cannot be sent; `status` is 400 or 413, `problems` say why. Nothing was sent."""

    def __init__(self, status: int, problems: list[Problem]) -> None:
        super().__init__(f"{status}: {len(problems)} problems")
        self.status = status
        self.problems = problems


def read_events(request: Mapping[str, Any], *, max_bytes: int) -> list[tuple[Event, bytes]]:
    """The events of a request and their bytes; raises `BadRequest` naming what is wrong.

    `request` is API Gateway's event, payload format 1.0 or 2.0: both have `body` and
    `isBase64Encoded`. The body is one event or a JSON list of events.
    """
    texts = _documents(_body(request, max_bytes))
    events: list[tuple[Event, bytes]] = []
    problems: list[Problem] = []
    too_large = False
    for index, text in enumerate(texts):
        try:
            events.append((parse_event(text), text))
        except InvalidEvent as error:
            too_large = too_large or len(text) > MAX_EVENT_BYTES
            problems.append(_problem(error.field, error.problem, index))
    if problems:
        raise BadRequest(413 if too_large else 400, problems[:MAX_PROBLEMS])
    return events


def _body(request: Mapping[str, Any], max_bytes: int) -> bytes:
    text = request.get("body")
    if not isinstance(text, str) or not text:
        raise BadRequest(400, [_problem("body", "is empty; one event or a list is expected")])
    body = text.encode(errors="surrogatepass")
    if request.get("isBase64Encoded"):
        try:
            body = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise BadRequest(400, [_problem("body", "is not Base64")]) from None
    if len(body) > max_bytes:
        what = f"is {len(body):,} bytes long, at most {max_bytes:,} are taken"
        raise BadRequest(413, [_problem("body", what)])
    return body


def _documents(body: bytes) -> list[bytes]:
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        return [body.strip(b" \t\r\n")]
    try:
        texts = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(400, [_problem("body", f"is not a JSON list: {error}")]) from None
    if not texts:
        raise BadRequest(400, [_problem("body", "is an empty list; at least one event is needed")])
    return [bytes(text) for text in texts]


def _problem(field: str, problem: str, index: int | None = None) -> Problem:
    place = {} if index is None else {"index": index}
    return {**place, "field": field, "problem": problem}
