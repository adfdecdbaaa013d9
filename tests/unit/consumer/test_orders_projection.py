"""The projection that is shipped: the facts in whatever order they come."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import msgspec
import pytest

from consumer.orders import Orders
from consumer.projection import Rejected
from tests.consuming.events import NOON, make_event

LIFE = ("OrderPlaced", "OrderApproved", "OrderShipped", "OrderDelivered")


def after(*events, state=None):
    for event in events:
        state = Orders().apply(state, event)
    return state


def at(minute: int, kind: str, **data):
    event = make_event(type=kind, **data)
    return msgspec.structs.replace(event, time=NOON + timedelta(minutes=minute))


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_status_is_the_furthest_whatever_the_order(order):
    seen = []
    state = None
    for place in order:
        state = after(at(place, LIFE[place]), state=state)
        seen.append(place)
        assert state.status == ("placed", "approved", "shipped", "delivered")[max(seen)]
    assert state.placed_at == NOON
    assert state.delivered_at == NOON + timedelta(minutes=3)
    assert state.updated_at == NOON + timedelta(minutes=order[-1])


def test_an_order_without_any_of_its_facts_is_pending():
    assert after(at(0, "ItemAdded", price="1.00")).status == "pending"


@pytest.mark.parametrize("place", range(5))
def test_a_canceled_order_is_canceled_whatever_comes(place):
    kinds = list(LIFE)
    kinds.insert(place, "OrderCanceled")
    assert after(*(at(i, kind) for i, kind in enumerate(kinds))).status == "canceled"


def test_the_first_time_of_a_fact_stays():
    state = after(at(1, "OrderShipped"), at(2, "OrderShipped"))
    assert state.shipped_at == NOON + timedelta(minutes=1)


def test_items_and_payments_add_up():
    state = after(
        at(0, "ItemAdded", price="99.90", freight="7.87"),
        at(1, "ItemAdded", price=10),
        at(2, "ItemAdded", price=0.5, freight=0),
        at(3, "PaymentReceived", amount="100.00"),
        at(4, "PaymentReceived", amount="18.27"),
    )
    assert (state.items, state.total) == (3, Decimal("118.27"))
    assert (state.payments, state.paid) == (2, Decimal("118.27"))


def test_the_customer_stays_where_a_later_event_names_none():
    state = after(at(0, "OrderPlaced", customer_id="c"), at(1, "OrderPlaced"))
    assert state.customer_id == "c"


def test_apply_changes_nothing_it_is_given():
    before = after(at(0, "OrderPlaced"))
    copy = msgspec.structs.replace(before)
    after(at(1, "OrderShipped"), state=before)
    assert before == copy


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " 1",
        "1\n",
        "-1",
        "+1",
        "1,50",
        "1.",
        ".5",
        "1e3",
        "NaN",
        "Infinity",
        "0x1",
        "1.1234567",
        "1" * 16,
        "१.५",
        True,
        -1,
        1e300,
        ["1"],
        {"amount": "1"},
    ],
)
@pytest.mark.parametrize(("kind", "field"), [("ItemAdded", "price"), ("PaymentReceived", "amount")])
def test_a_malformed_amount_is_rejected_and_named(kind, field, value):
    with pytest.raises(Rejected, match=rf"^data\.{field} is .*expected an amount such as"):
        after(at(0, kind, **{field: value}))


def test_a_malformed_freight_is_rejected():
    with pytest.raises(Rejected, match=r"data\.freight"):
        after(at(0, "ItemAdded", price="1", freight="free"))


def test_an_unknown_type_is_rejected_with_those_that_are_known():
    with pytest.raises(Rejected, match=r"type 'OrderEaten' is unknown.*OrderPlaced.*OrderCanceled"):
        after(at(0, "OrderEaten"))


def test_money_for_a_canceled_order_is_rejected():
    with pytest.raises(Rejected, match=r"payment of 5\.00 for an order that was canceled"):
        after(at(0, "OrderCanceled"), at(1, "PaymentReceived", amount="5.00"))


def test_a_customer_that_is_no_text_is_rejected():
    with pytest.raises(Rejected, match=r"data\.customer_id: expected text, got int"):
        after(at(0, "OrderPlaced", customer_id=7))


def test_times_keep_their_own_zone():
    event = make_event(type="OrderPlaced")
    event = msgspec.structs.replace(event, time=datetime(2026, 1, 1, tzinfo=UTC))
    assert after(event).placed_at == datetime(2026, 1, 1, tzinfo=UTC)
