"""Other producers on the same stream: their aggregates, and what is no event at all.

They know nothing of this project. What they put is stored, in the order in which they put it.
"""

from collections.abc import Callable
from typing import Any

from aws_kinesis_agg.aggregator import RecordAggregator

from tests.simulation.loop import Loop
from tests.simulation.scenario import Foreign, Item, Scenario
from tests.simulation.stream.shards import ImaginedStream


class Strangers:
    """Puts what the plan says, when it says so."""

    def __init__(
        self,
        *,
        loop: Loop,
        stream: ImaginedStream,
        scenario: Scenario,
        checker: Any,
        log: Callable[..., None],
    ) -> None:
        self._loop = loop
        self._stream = stream
        self._checker = checker
        self._log = log
        self._items = {item.name: item for order in scenario.orders for item in order.items}
        for foreign in scenario.strangers:
            loop.at(foreign.at, lambda foreign=foreign: self._put(foreign))  # type: ignore[misc]

    def _put(self, foreign: Foreign) -> None:
        items = [self._items[name] for name in foreign.items if name in self._items]
        sent = [item for item in items if item.flavour != "missing"]
        data = record(foreign, sent)
        self._log("a stranger puts", foreign.name, foreign.kind, *(item.name for item in sent))
        self._stream.put(foreign.key, None, data, self._loop.now)
        for item in sent:
            self._checker.acknowledged(item)


def record(foreign: Foreign, items: list[Item]) -> bytes:
    """The bytes of the record."""
    nonsense = f"not an event: {foreign.name}".encode()
    if foreign.kind in ("keyless", "nonsense"):
        return nonsense
    aggregator = RecordAggregator()
    for item in items:
        aggregator.add_user_record(item.order_id, item.payload, None)
    if foreign.kind != "aggregate":
        aggregator.add_user_record(foreign.name, nonsense, None)
    data: bytes = aggregator.clear_and_get().get_contents()[2]
    if foreign.kind == "torn":
        return data[:-1] + bytes([data[-1] ^ 1])
    return data
