"""The projection that is shipped: one row per order in `orders`.

It takes the facts in whatever order real systems emit them (an order may be shipped before its
approval is known) and derives the status from what is known so far. It rejects only what cannot
be true: an unknown type, a malformed amount, money for an order that was canceled.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
from psycopg import Cursor
from psycopg.rows import class_row

from consumer.arrays import Bigints, Column, Instants, Texts
from consumer.projection import Rejected, UnknownType
from consumer.sql import read_statements
from contract import Event

_SQL = read_statements(Path(__file__).with_name("orders.sql"))

_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")


class OrderState(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `orders`. `total` sums price and freight of the items, `paid` the payments; an
    `…_at` is the event's own time, of the first event of its type.
    """

    order_id: str
    updated_at: datetime
    customer_id: str | None = None
    placed_at: datetime | None = None
    approved_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    canceled_at: datetime | None = None
    items: int = 0
    payments: int = 0
    total: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)

    @property
    def status(self) -> str:
        """The furthest that the facts say, whatever order they came in."""
        for status, field in _FURTHEST_FIRST:
            if getattr(self, field) is not None:
                return status
        return "pending"


class Orders:
    """Keeps `orders` up to date: status, totals, payments, times."""

    def load(self, cursor: Cursor[Any], order_ids: Sequence[str]) -> dict[str, OrderState]:
        """The rows of these orders."""
        cursor.row_factory = class_row(OrderState)
        cursor.execute(_SQL["load"], {"order_ids": Texts(order_ids)}, binary=True)
        return {state.order_id: state for state in cursor.fetchall()}

    def apply(self, state: OrderState | None, event: Event) -> OrderState:
        """The order after this event; raises `Rejected`."""
        change = _CHANGES.get(event.type)
        if change is None:
            known = ", ".join(_CHANGES)
            raise UnknownType(f"type {event.type!r} is unknown; this projection knows {known}")
        before = state or OrderState(order_id=event.order_id, updated_at=event.time)
        return msgspec.structs.replace(before, updated_at=event.time, **change(before, event))

    def save(self, cursor: Cursor[Any], states: Mapping[str, OrderState]) -> None:
        """Insert or replace the rows, whatever their number in one statement."""
        columns = {
            name: column(list(map(value, states.values())))
            for name, (column, value) in _COLUMNS.items()
        }
        for column in columns.values():
            column.pack()
        cursor.execute(_SQL["save"], columns)


_FURTHEST_FIRST = tuple(
    (status, f"{status}_at")
    for status in ("canceled", "delivered", "shipped", "approved", "placed")
)

_COLUMNS: dict[str, tuple[type[Column[Any]], Callable[[OrderState], Any]]] = {
    **{name: (Texts, attrgetter(name)) for name in ("order_id", "customer_id", "status")},
    "updated_at": (Instants, attrgetter("updated_at")),
    **{at: (Instants, attrgetter(at)) for _, at in _FURTHEST_FIRST},
    **{name: (Bigints, attrgetter(name)) for name in ("items", "payments")},
    "total": (Texts, lambda row: str(row.total)),
    "paid": (Texts, lambda row: str(row.paid)),
}

Change = Callable[[OrderState, Event], dict[str, Any]]


def _placed(order: OrderState, event: Event) -> dict[str, Any]:
    customer_id = event.data.get("customer_id")
    if customer_id is not None and not isinstance(customer_id, str):
        raise Rejected(f"data.customer_id: expected text, got {type(customer_id).__name__}")
    return {
        "placed_at": order.placed_at or event.time,
        "customer_id": customer_id or order.customer_id,
    }


def _item_added(order: OrderState, event: Event) -> dict[str, Any]:
    cost = _amount(event, "price") + _amount(event, "freight", default=Decimal(0))
    return {"items": order.items + 1, "total": order.total + cost}


def _payment_received(order: OrderState, event: Event) -> dict[str, Any]:
    amount = _amount(event, "amount")
    if order.canceled_at is not None:
        raise Rejected(f"payment of {amount} for an order that was canceled")
    return {"payments": order.payments + 1, "paid": order.paid + amount}


def _reached(field: str) -> Change:
    return lambda order, event: {field: getattr(order, field) or event.time}


_CHANGES: dict[str, Change] = {
    "OrderPlaced": _placed,
    "ItemAdded": _item_added,
    "PaymentReceived": _payment_received,
    "OrderApproved": _reached("approved_at"),
    "OrderShipped": _reached("shipped_at"),
    "OrderDelivered": _reached("delivered_at"),
    "OrderCanceled": _reached("canceled_at"),
}


def _amount(event: Event, field: str, *, default: Decimal | None = None) -> Decimal:
    """A sum of money: text such as "169.12", or a JSON number; never negative."""
    value = event.data.get(field)
    if value is None and default is not None:
        return default
    text = str(value)
    if isinstance(value, bool) or not _AMOUNT.fullmatch(text):
        raise Rejected(f'data.{field} is {value!r}: expected an amount such as "169.12"')
    return Decimal(text)
