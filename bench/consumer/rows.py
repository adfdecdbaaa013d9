"""Rows as the peers write them."""

from decimal import Decimal
from typing import Any

import msgspec

from consumer.arrivals import Arrival
from consumer.orders import OrderState


def order_row(state: OrderState) -> dict[str, Any]:
    """The columns of `orders`."""
    return {**msgspec.structs.asdict(state), "status": state.status}


def ledger_row(arrival: Arrival) -> dict[str, Any]:
    """The columns of `inorder.ledger`, in the order of `LEDGER_TYPES`."""
    event = arrival.event
    assert event is not None  # noqa: S101 - the workloads of the peers are readable
    return {
        "order_id": event.order_id,
        "ordinal": event.version,
        "id": event.id,
        "digest": arrival.digest,
        "time": event.time,
        "type": event.type,
        "source": event.source,
        "sequence_number": Decimal(arrival.position.sequence_number),
        "sub_sequence_number": arrival.position.sub_sequence_number,
        "data": arrival.data.decode(),
    }


LEDGER_TYPES = (
    *("text", "bigint", "uuid", "bigint", "timestamptz", "text", "text"),
    *("numeric", "bigint", "json"),
)
HEAD_TYPES = ("text", "boolean", "bigint", "numeric", "bigint", "text")
ORDER_COLUMNS = (
    *("order_id", "updated_at", "customer_id", "placed_at", "approved_at", "shipped_at"),
    *("delivered_at", "canceled_at", "items", "payments", "total", "paid", "status"),
)
ORDER_TYPES = (
    *("text", "timestamptz", "text", "timestamptz", "timestamptz", "timestamptz"),
    *("timestamptz", "timestamptz", "integer", "integer", "numeric", "numeric", "text"),
)
