"""What the markers that others left behind say about a batch. Pure: no database, no clock.

A marker names what an invocation was given, and is taken back at every end in order. One that is
still there when its invocation must be over (its deadline has passed) is *dead*. Suspicion comes
easily, since it costs a process and parks nobody (`consumer.apart` says why): a dead marker in
these parts of the shard raises it, and before its deadline one of the very records of this batch,
as the retry of a crashed batch meets it.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

import msgspec


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What an invocation was given: a shard, first and last sequence number; or a redrive of an
    order, and then the others are empty.
    """

    shard: str = ""
    first: int | None = None
    last: int | None = None
    order_id: str | None = None

    def overlaps(self, other: "Span") -> bool:
        if self.order_id is not None or other.order_id is not None:
            return self.order_id == other.order_id
        return self._with(other) and not (self.last < other.first or other.last < self.first)  # type: ignore[operator] # _with has seen to None

    def _with(self, other: "Span") -> bool:
        return self.shard == other.shard and None not in (self.first, other.first)


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment said it works on; `dead` if its invocation must be over by now."""

    environment: UUID
    span: Span
    dead: bool


class Suspicion(msgspec.Struct, frozen=True, kw_only=True):
    """Whether to work apart, and the environments whose markers the end of the work settles."""

    raised: bool = False
    settled: tuple[UUID, ...] = ()

    def __bool__(self) -> bool:
        return self.raised


def suspect(
    markers: Iterable[Marker], span: Span, *, sequence_numbers: Collection[int] = ()
) -> Suspicion:
    """What other environments' markers say about this work."""
    met = [marker for marker in markers if _meets(marker, span, sequence_numbers)]
    return Suspicion(
        raised=bool(met),
        settled=tuple(m.environment for m in met if _settles(m, span, sequence_numbers)),
    )


def _meets(marker: Marker, span: Span, sequence_numbers: Collection[int]) -> bool:
    """Siblings run in the same parts of the shard, with other records, and are alive."""
    if not span.overlaps(marker.span):
        return False
    return (
        marker.dead
        or span.order_id is not None
        or marker.span.first in sequence_numbers
        or marker.span.last in sequence_numbers
    )


def _settles(marker: Marker, span: Span, sequence_numbers: Collection[int]) -> bool:
    """Whether nothing of it is left once this is done, if what came before is: its last record has
    to be one of these. A sibling's batch may well go beyond it, and holds none of its records.
    """
    return span.order_id is not None or marker.span.last in sequence_numbers
