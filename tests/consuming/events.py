"""Events and arrivals for the tests of the consumer, made in one line each."""

import uuid
from datetime import UTC, datetime
from typing import Any

from consumer.arrivals import Arrival, read_event
from consumer.order import Failure, Reason
from contract import Event, Position, encode_event

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

REFUSED = "refuse"
"""An event of this type is rejected by the projections of the tests."""


def id_of(name: object) -> uuid.UUID:
    """The same UUID for the same name."""
    return uuid.uuid5(uuid.NAMESPACE_OID, str(name))


def make_event(
    version: int | None = None,
    *,
    name: object = None,
    order_id: str = "A",
    type: str = "note",  # noqa: A002 - the event's own word
    **data: Any,
) -> Event:
    """An event whose id follows from its order and its version, or from `name`."""
    return Event(
        id=id_of((order_id, version if name is None else name)),
        source="tests",
        type=type,
        order_id=order_id,
        time=NOON,
        data=data,
        version=version,
    )


def arrive(at: int, event: Event | bytes, *, sub: int = 0, partition_key: str = "A") -> Arrival:
    """The event, or bytes that are none, as it comes off the stream at a sequence number."""
    raw = event if isinstance(event, bytes) else encode_event(event)
    key = partition_key if isinstance(event, bytes) else event.order_id
    return read_event(raw, position=Position(at, sub), partition_key=key)


def versions(first: int, *others: int, start: int = 1, **data: Any) -> list[Arrival]:
    """Arrivals of these versions of order A, at consecutive positions from `start`."""
    wanted = (first, *others)
    return [arrive(start + i, make_event(v, **data)) for i, v in enumerate(wanted)]


def apply_unless_refused(arrival: Arrival) -> Failure | None:
    """The decision of a projection that knows nothing but what to refuse."""
    if arrival.event is not None and arrival.event.type != REFUSED:
        return None
    return Failure(Reason.REJECTED, "the projection refuses it")
