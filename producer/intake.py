"""What callers hand in, as an event that keeps the contract and the bytes that will be sent."""

from collections.abc import Mapping
from typing import Any

import msgspec

from contract import Event, InvalidEvent, encode_event, parse_event

_encoder = msgspec.json.Encoder()


def encoded(event: Event | Mapping[str, Any] | bytes) -> tuple[Event, bytes]:
    """The event, checked, and its JSON; raises `InvalidEvent` naming the field.

    Bytes are kept as they are, so that an event that is sent again is the same event.
    """
    if isinstance(event, bytes):
        payload = event
    elif isinstance(event, Event):
        payload = encode_event(event)
    else:
        try:
            payload = _encoder.encode(event)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise InvalidEvent("event", f"has no JSON form: {error}") from None
    return parse_event(payload), payload
