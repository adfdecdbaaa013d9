"""Workload W1 and its relatives: events of one size whose orders follow Zipf.

W1 is 200,000 events of 250 bytes in 20,000 orders, exponent 1.1: the hottest order has one event in
seven, and a batch of a thousand meets some 450 orders. The same seed gives the same bytes, in every
process.
"""

import random
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from typing import Any

import msgspec

from contract import Event, encode_event

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_SOURCE = "bench"


class Sent(msgspec.Struct, frozen=True):
    """An event as it goes onto the stream."""

    order_id: str
    data: bytes


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """`exponent` 0 makes all orders alike, `orders` 0 every event another order's; orders are
    numbered from `first_order` on, versions from `first_version`. Of the events, `resent` come
    twice, the second time some events later, and `refused` are of a type that the projection does
    not know, which parks the rest of their order.
    """

    orders: int = 20_000
    size: int = 250
    exponent: float = 1.1
    seed: int = 1
    first_version: int = 1
    first_order: int = 0
    resent: float = 0.0
    refused: float = 0.0

    def events(self) -> Iterator[Sent]:
        """Without end; each order's versions from 1 on."""
        random_ = random.Random(self.seed)  # noqa: S311 - a workload, not a secret
        weights = list(accumulate((n + 1) ** -self.exponent for n in range(self.orders)))
        orders = range(self.orders)
        versions: Counter[int] = Counter()
        again: list[Sent] = []
        made = 0
        while True:
            some = random_.choices(orders, cum_weights=weights, k=1_000) if orders else None
            for number in some or range(made, made + 1_000):
                made += 1
                version = self.first_version + versions[number]
                versions[number] += 1
                sent = self._event(random_, number, version, made)
                yield sent
                if random_.random() < self.resent:
                    again.append(sent)
                if len(again) > 10:  # noqa: PLR2004 - so that newer events lie between
                    yield again.pop(0)

    def batches(self, size: int) -> Iterator[list[Sent]]:
        """The events, `size` at a time."""
        events = self.events()
        while True:
            yield list(islice(events, size))

    def _event(self, random_: random.Random, number: int, version: int, made: int) -> Sent:
        order_id = f"order-{self.first_order + number:07d}"
        type_, data = "ItemAdded", {"price": f"{random_.randrange(100, 50_000) / 100:.2f}"}
        if version == self.first_version == 1:
            type_, data = "OrderPlaced", {"customer_id": f"customer-{number % 5_003:05d}"}
        elif random_.random() < self.refused:
            type_ = "OrderTeleported"
        event = Event(
            id=uuid.UUID(int=random_.getrandbits(128), version=4),
            source=_SOURCE,
            type=type_,
            order_id=order_id,
            time=_BEGIN + timedelta(milliseconds=made),
            data={**data, "note": ""},
            version=version,
        )
        encoded = encode_event(event)
        note = f"{random_.getrandbits(4 * self.size):0{self.size}x}"
        return Sent(order_id, _with_note(encoded, note[: self.size - len(encoded)]))


def _with_note(encoded: bytes, note: str) -> bytes:
    """The event, as large as it has to be."""
    return encoded.replace(b'"note":""', b'"note":"' + note.encode() + b'"', 1)


def parameters(workload: Workload) -> dict[str, Any]:
    """The workload as the report names it."""
    given: dict[str, Any] = msgspec.to_builtins(workload)
    return given
