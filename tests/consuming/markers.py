"""Markers and stopped versions in memory, by a clock of one's own: `consumer.deliveries` without
PostgreSQL, held to it by tests/conformance/deliveries.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import msgspec

from consumer.deliveries import Mark
from consumer.deploys import Failing
from consumer.order import Decided, Waiting
from consumer.rows import Beside
from consumer.suspicion import Marker
from tests.consuming.memory import MemoryDatabase


class MarkersInMemory:
    """The same promises as `Deliveries`; `deadlines` is what it has beside the markers."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.markers: dict[UUID, Marker] = {}
        self.deadlines: dict[UUID, float] = {}
        self.failing: dict[str, Failing] = {}

    def begin(self, mark: Mark) -> list[Marker]:
        others = [
            msgspec.structs.replace(marker, dead=self.deadlines[environment] < self.clock())
            for environment, marker in self.markers.items()
            if environment != mark.environment
            and environment in self.deadlines
            and marker.span.overlaps(mark.span)
        ]
        self.deadlines[mark.environment] = self.clock() + mark.seconds
        self.markers[mark.environment] = Marker(
            environment=mark.environment, span=mark.span, dead=False
        )
        return others

    def end(self, environment: UUID, settled: Sequence[UUID] = ()) -> None:
        self.deadlines.pop(environment, None)
        self.forget(other for other in settled if other != environment)

    def die(self, environment: UUID) -> None:
        if environment in self.deadlines:
            self.deadlines[environment] = float("-inf")

    def stop(self, version: str, orders: Sequence[str]) -> None:
        self.failing[version] = Failing(orders=tuple(orders), stopped=True)

    def forget(self, environments: Iterable[UUID]) -> None:
        for environment in environments:
            self.markers.pop(environment, None)
            self.deadlines.pop(environment, None)


class MarkedDatabase(MemoryDatabase):
    """The database in memory with markers."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.deliveries = MarkersInMemory(clock)

    @contextmanager
    def at_once(self) -> Iterator[MarkersInMemory]:
        yield self.deliveries

    @contextmanager
    def transaction(self) -> Iterator[tuple[Any, Any]]:
        known = self.deliveries
        kept = dict(known.markers), dict(known.deadlines), dict(known.failing)
        try:
            with super().transaction() as given:
                yield given
        except BaseException:
            known.markers, known.deadlines, known.failing = kept
            raise

    def count_failing(self, version: str, order_ids: Sequence[str]) -> Failing:
        before = self.deliveries.failing.get(version, Failing())
        orders = tuple(dict.fromkeys((*before.orders, *order_ids)))
        self.deliveries.failing[version] = msgspec.structs.replace(before, orders=orders)
        return self.deliveries.failing[version]

    def write(
        self,
        decisions: Collection[Decided],
        strays: Iterable[Waiting],
        beside: Beside | None = None,
    ) -> None:
        super().write(decisions, strays)
        beside = beside or Beside()
        known = self.deliveries
        if beside.succeeded:
            known.failing.pop(beside.code_version, None)
        if beside.ended is not None:
            known.deadlines.pop(beside.ended, None)
