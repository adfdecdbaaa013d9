"""What was sent: the demo's own record of the truth, to hold the tables against."""

import threading
import time
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import msgspec

from contract import Event, content_digest


class Identity(NamedTuple):
    """What makes two sends the same event: the version (or else the id), and the content."""

    name: int | UUID
    digest: int


def identity(event: Event) -> Identity:
    """An event sent again under a new id is the same one if its version and content are."""
    return Identity(event.id if event.version is None else event.version, content_digest(event))


class Sent(msgspec.Struct):
    """One distinct event of an order. `at` is the wall clock when it was first handed over, in
    seconds; `acknowledged` whether the stream has it, `problem` what the producer said if not.
    """

    identity: Identity
    at: float
    acknowledged: bool = False
    problem: str = ""


class Journal:
    """Every order's distinct events in the order they were sent. Safe for threads: one order is
    sent by one thread, and only the counters are shared.
    """

    def __init__(self) -> None:
        self._orders: dict[str, dict[Identity, Sent]] = {}
        self._lock = threading.Lock()
        self.began = time.time()
        self.sent = 0
        self.resent = 0
        self.acknowledged = 0
        self.refused = 0

    def note(self, event: Event) -> Sent:
        """Before an event is sent, for the first time or again."""
        order = self._orders.setdefault(event.order_id, {})
        key = identity(event)
        known = order.get(key)
        with self._lock:
            if known is not None:
                self.resent += 1
                return known
            self.sent += 1
        order[key] = Sent(identity=key, at=time.time())
        return order[key]

    def settle(self, sent: Sent, problem: str = "") -> None:
        """After the producer said what became of it."""
        with self._lock:
            if not problem and not sent.acknowledged:
                sent.acknowledged = True
                self.acknowledged += 1
            elif problem and not sent.acknowledged:
                self.refused += 1
                sent.problem = problem

    def orders(self) -> list[str]:
        """Every order ID, sorted."""
        return sorted(self._orders)

    def of(self, order_id: str) -> Iterator[Sent]:
        """The order's distinct events as they were first sent."""
        return iter(self._orders[order_id].values())

    def problems(self) -> Iterator[str]:
        """What the producer said of the events it could not send."""
        for order_id, order in self._orders.items():
            yield from (f"{order_id}: {sent.problem}" for sent in order.values() if sent.problem)
