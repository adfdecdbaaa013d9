"""A seeded workload as an order system would emit it, with the faults such systems have.

Orders run through their life cycle interleaved; how many events an order has follows Zipf, so a
few are hot. A quarter of the orders carry no versions. Now and then a fact is recorded late, an
event is sent again, and about one order in a hundred breaks the rules in one of the ways `FAULTS`
names. The same seed gives the same events, byte for byte.
"""

import heapq
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from contract import Event

SOURCE = "demo"
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

_UNVERSIONED_SHARE = 0.25
_CANCELED_SHARE = 0.03
_SHUFFLED_SHARE = 0.015
_FAULTY_SHARE = 0.01
_RESENT_SHARE = 0.01
_ZIPF_EXPONENT = 1.1
_HOTTEST_SHARE = 0.03
"""Of all events, how many the hottest order has."""


class Send(msgspec.Struct, frozen=True):
    """One call of the producer: an event, for the first time or again."""

    event: Event
    again: bool = False


def generate(seed: int, count: int) -> Iterator[Send]:
    """About `count` distinct events (never fewer), each in its order's order, some sent again."""
    random_ = random.Random(seed)  # noqa: S311 - a workload, not a secret
    again: list[Event] = []
    for event in _interleave(_orders(random_, count)):
        yield Send(event)
        if random_.random() < _RESENT_SHARE:
            again.append(event)
        if len(again) > 20:  # noqa: PLR2004 - so that a re-send comes after newer events
            yield Send(again.pop(0), again=True)
    for event in again:
        yield Send(event, again=True)


def _orders(random_: random.Random, count: int) -> Iterator[list[Event]]:
    """Orders until they have `count` events; the first ones are the hottest."""
    made = number = 0
    while made < count:
        number += 1
        extra = int(count * _HOTTEST_SHARE / number**_ZIPF_EXPONENT)
        order = _order(random_, number, extra)
        made += len(order)
        yield order


def _order(random_: random.Random, number: int, extra: int) -> list[Event]:
    steps = _life_cycle(random_, extra)
    if random_.random() < _SHUFFLED_SHARE:
        place = random_.randrange(len(steps) - 1)
        steps[place], steps[place + 1] = steps[place + 1], steps[place]
    versioned = random_.random() >= _UNVERSIONED_SHARE
    order_id = f"order-{number:06d}-{random_.getrandbits(32):08x}"
    at = _BEGIN + timedelta(seconds=random_.random() * 3_600)
    events = []
    for version, (type_, data) in enumerate(steps, start=1):
        at += timedelta(seconds=random_.expovariate(len(steps) / 1_800))
        events.append(
            Event(
                id=uuid.UUID(int=random_.getrandbits(128), version=4),
                source=SOURCE,
                type=type_,
                order_id=order_id,
                time=at,
                data=data,
                version=version if versioned else None,
            )
        )
    if random_.random() < _FAULTY_SHARE:
        _, break_a_rule = random_.choice(list(FAULTS.items()))
        events = break_a_rule(events, random_)
    return events


def _life_cycle(random_: random.Random, extra: int) -> list[tuple[str, dict[str, Any]]]:
    customer = f"customer-{random_.randrange(100_000):05d}"
    items = [_item(random_, line) for line in range(1, 2 + extra + random_.randrange(2))]
    total = sum(float(item["price"]) + float(item["freight"]) for _, item in items)
    payment = ("PaymentReceived", {"method": "card", "amount": f"{total:.2f}"})
    steps = [("OrderPlaced", {"customer_id": customer}), *items, payment, ("OrderApproved", {})]
    if random_.random() < _CANCELED_SHARE:
        return [*steps, ("OrderCanceled", {"reason": "changed my mind"})]
    return [*steps, ("OrderShipped", {"carrier": "post"}), ("OrderDelivered", {})]


def _item(random_: random.Random, line: int) -> tuple[str, dict[str, Any]]:
    price, freight = random_.randrange(100, 50_000) / 100, random_.randrange(0, 2_000) / 100
    product = f"{random_.getrandbits(64):016x}"
    return "ItemAdded", {
        "line": line,
        "product_id": product,
        "price": f"{price:.2f}",
        "freight": f"{freight:.2f}",
    }


def _interleave(orders: Iterator[list[Event]]) -> Iterator[Event]:
    """All events by their time, each order kept as it is (a fault may have turned times around)."""
    waiting = [(order[0].time, index, 0, order) for index, order in enumerate(orders)]
    heapq.heapify(waiting)
    clock = _BEGIN
    while waiting:
        time, index, place, order = heapq.heappop(waiting)
        clock = max(clock, time)
        yield order[place]
        if place + 1 < len(order):
            heapq.heappush(waiting, (max(clock, order[place + 1].time), index, place + 1, order))


def _changed(event: Event, random_: random.Random, **changes: Any) -> Event:
    fresh = uuid.UUID(int=random_.getrandbits(128), version=4)
    return msgspec.structs.replace(event, **{"id": fresh, **changes})


def _one_more(events: list[Event], random_: random.Random, type_: str, **data: Any) -> Event:
    last = events[-1]
    version = None if last.version is None else last.version + 1
    return _changed(last, random_, type=type_, data=data, version=version)


def _unknown_type(events: list[Event], random_: random.Random) -> list[Event]:
    return [*events, _one_more(events, random_, "OrderTeleported")]


def _malformed_amount(events: list[Event], random_: random.Random) -> list[Event]:
    return [
        _changed(event, random_, data={**event.data, "amount": "12,50"})
        if event.type == "PaymentReceived"
        else event
        for event in events
    ]


def _paid_after_canceled(events: list[Event], random_: random.Random) -> list[Event]:
    canceled = [*events, _one_more(events, random_, "OrderCanceled")]
    return [*canceled, _one_more(canceled, random_, "PaymentReceived", amount="10.00")]


def _lost_version(events: list[Event], _: random.Random) -> list[Event]:
    """The caller lost an event before it reached the producer."""
    return [event for event in events if event.version != 3]  # noqa: PLR2004


def _late_version(events: list[Event], _: random.Random) -> list[Event]:
    """The caller sent the third event after the fourth; with versions that heals."""
    if events[0].version is None:
        return events
    return [*events[:2], events[3], events[2], *events[4:]]


def _version_used_twice(events: list[Event], random_: random.Random) -> list[Event]:
    second = _changed(events[1], random_, type="ItemAdded", data={"price": "1.00"})
    return [*events[:2], second, *events[2:]]


def _forgotten_version(events: list[Event], random_: random.Random) -> list[Event]:
    return [*events[:-1], _changed(events[-1], random_, version=None)]


FAULTS: dict[str, Callable[[list[Event], random.Random], list[Event]]] = {
    "a type the projection does not know": _unknown_type,
    "an amount that is no number": _malformed_amount,
    "a payment for a canceled order": _paid_after_canceled,
    "a version that never comes": _lost_version,
    "a version that comes late": _late_version,
    "a version used twice": _version_used_twice,
    "an event that forgot its version": _forgotten_version,
}
