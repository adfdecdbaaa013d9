"""The event: one JSON object, every field checked, errors that name the field.

| field | what |
|---|---|
| `id` | UUID; names this event for ever, also when it is sent again |
| `source` | who says so, 1 to 256 characters |
| `type` | what happened, 1 to 256 characters |
| `order_id` | 1 to 256 characters; it is the partition key, or chooses it. Not `bucket-` with three
hex digits, which are the partition keys of `bucket` mode |
| `time` | RFC 3339 with a zone: when it happened |
| `data` | an object: whatever the projection understands |
| `version` | optional: 1, 2, 3 … per order, without holes |

No other field is taken: a misspelt `version` must not silently turn an order into one without.
"""

import hashlib
import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from contract.errors import InvalidEvent
from contract.keys import MAX_KEY_CHARACTERS, is_bucket_key

MAX_VERSION = 2**63 - 1
"""The largest bigint of PostgreSQL: the head's version has to fit."""

MAX_EVENT_BYTES = 1_000_000
"""The largest encoded event. A Kinesis record may hold 1 MiB with its partition key (PutRecord);
the rest is room for the key and the aggregation's framing."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
OrderId = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_KEY_CHARACTERS)]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
# msgspec takes no bound above 2**63 - 1, so `le` would be refused: checked in _beyond_schema.
Version = Annotated[int, msgspec.Meta(ge=1)]


class Event(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One fact about one order."""

    id: UUID
    source: Name
    type: Name
    order_id: OrderId
    time: Time
    data: dict[str, Any]
    version: Version | None = None


_decoder = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()
_canonical = msgspec.json.Encoder(order="deterministic")

_AT = r"(?s)^(?P<problem>.*?)(?: - at `(?P<path>[^`]*)`)?$"
_NAMED = r"field `(?P<field>[^`]*)`"


def parse_event(raw: bytes | str) -> Event:
    """Read one event from JSON; raises `InvalidEvent` naming the field that is wrong."""
    size = len(raw)
    if size > MAX_EVENT_BYTES:
        raise InvalidEvent("event", f"is {size:,} bytes long, at most {MAX_EVENT_BYTES:,} fit")
    try:
        event = _decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _named(error) from None
    except msgspec.DecodeError as error:
        raise InvalidEvent("event", f"is not JSON: {error}") from None
    except UnicodeDecodeError as error:
        raise InvalidEvent("event", f"is not UTF-8: {error.reason} at {error.start}") from None
    except RecursionError:
        raise InvalidEvent("event", "is nested too deeply") from None
    return _beyond_schema(event)


def encode_event(event: Event) -> bytes:
    """The event as JSON, the same bytes for the same event; raises `InvalidEvent` if it has no
    JSON form.
    """
    try:
        return _encoder.encode(event)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidEvent("data", f"has no JSON form: {error}") from None


def canonical_data(event: Event) -> bytes:
    """The event's `data` as JSON with sorted keys: one text for one content."""
    return _canonical.encode(event.data)


def content_digest(event: Event, data: bytes | None = None) -> int:
    """A signed 64-bit digest of type and data: equal for a re-send, whatever its spacing and key
    order, and different for other content under the same id or version.

    `data` is `canonical_data(event)` where the caller has it already.
    """
    text = canonical_data(event) if data is None else data
    digest = hashlib.blake2b(event.type.encode() + b"\0" + text, digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _beyond_schema(event: Event) -> Event:
    if event.version is not None and event.version > MAX_VERSION:
        raise InvalidEvent("version", f"is {event.version}, at most {MAX_VERSION} fits")
    if is_bucket_key(event.order_id):
        raise InvalidEvent("order_id", "has the form of a bucket's partition key: reserved")
    if "\0" in event.order_id or "\0" in event.type or "\0" in event.source:
        field = next(f for f in ("order_id", "type", "source") if "\0" in getattr(event, f))
        raise InvalidEvent(field, "holds a NUL character, which PostgreSQL cannot store")
    return event


def _named(error: msgspec.ValidationError) -> InvalidEvent:
    match = re.match(_AT, str(error))
    problem = match["problem"] if match else str(error)
    path = (match["path"] or "") if match else ""
    field = path.removeprefix("$").removeprefix(".")
    if not field and (named := re.search(_NAMED, problem)):
        field = named["field"]
    return InvalidEvent(field or "event", problem[:1].lower() + problem[1:])
