"""What the deaths of processes apart say about where a killer is. Pure."""

from typing import NamedTuple

import msgspec

from contract import Position

Event = tuple[str, Position]
"""An event as evidence names it: its order and its place on the stream."""


class At(NamedTuple):
    """What a process works on: many orders, one order, or one event and nothing else."""

    order_id: str | None = None
    position: Position | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What to be careful about: `everything` (each order apart), these `orders` (event by event).

    `deaths` counts those witnessed while a process worked on an event and nothing else.
    """

    everything: bool = False
    orders: frozenset[str] = frozenset()
    deaths: dict[Event, int] = {}

    def __bool__(self) -> bool:
        return self.everything or bool(self.orders)

    def suspects(self, order_id: str | None) -> bool:
        """Whether this order is to be run event by event."""
        return order_id in self.orders

    def after(self, at: At) -> "Evidence":
        """What is known once a process has died here."""
        if at.order_id is None:
            return msgspec.structs.replace(self, everything=True)
        another = bool(self.orders) and at.order_id not in self.orders
        deaths = dict(self.deaths)
        if at.position is not None:
            event = (at.order_id, at.position)
            deaths[event] = deaths.get(event, 0) + 1
        return Evidence(
            everything=self.everything or another,
            orders=self.orders | {at.order_id},
            deaths=deaths,
        )
