"""What the deaths of earlier invocations say about a batch. Pure: no database, no clock.

Theory of operation
===================

An event can kill the process that applies it: out of memory, `os._exit`, an endless loop. The dead
cannot say which event it was, so every invocation says beforehand, in a row of its own (a
*marker*), what it is working on, and takes that back at every end in order. A marker that is still
there when its invocation must be over (its deadline has passed) is a death.

A marker names a whole batch at first. Its batch comes again, sees the marker, and is *suspected*:
it works in smaller pieces and names each before touching it, first the order, then the event. So
every death is about something smaller than the one before:

    | the latest marker names … | so this time …                                               |
    |---------------------------|--------------------------------------------------------------|
    | a batch                   | each order in a transaction of its own, named                |
    | an order                  | all others at once, then that order event by event, named    |
    | an event, N deaths        | the same, and the event is parked without being run          |

Why nobody innocent is parked. Suspicion alone parks nothing, it only makes work slower: so a marker
raises it even before its deadline, when the retry of a crashed batch meets it. Parking asks for N
dead markers that name the event itself, each written when it was the only thing the process did,
and every process that gets through the event removes them. An invocation that ended in order (STOP,
lock time-out, outage) has taken its marker back; one that could not, for want of a database,
overwrites it with its next. A twin that is still at work has a deadline ahead of it. A server that
crashed has forgotten the markers, and what was written before its start counts for nothing. And the
deaths are those of this version of the code, in which others live: what killed another version gets
its chance, and while a version is stopped (`deploys`) its deaths say nothing of events.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

import msgspec

from contract import Position

Event = tuple[str, Position]
"""An event as markers name it: its order and its place on the stream."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What an invocation was given: a shard, first and last sequence number. A redrive is given
    no records: its shard is empty and the numbers are None.
    """

    shard: str = ""
    first: int | None = None
    last: int | None = None

    def overlaps(self, other: "Span") -> bool:
        return self._with(other) and not (self.last < other.first or other.last < self.first)  # type: ignore[operator] # _with has seen to None

    def ends_with(self, other: "Span") -> bool:
        """Whether nothing of the other is left once this is done, if what came before is."""
        return self.overlaps(other) and other.last <= self.last  # type: ignore[operator] # overlaps has seen to None

    def _with(self, other: "Span") -> bool:
        return self.shard == other.shard and None not in (self.first, other.first)


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment said it works on. `marked_at` in seconds, by the database's clock;
    `dead` if its invocation must be over by the same clock.
    """

    environment: UUID
    span: Span
    marked_at: float
    dead: bool
    code_version: str = ""
    order_id: str | None = None
    position: Position | None = None


class Suspicion(msgspec.Struct, frozen=True, kw_only=True):
    """What to be careful about: `everything` for each order of the batch, or `orders`.

    `deaths` counts, of this version of the code, by the event they name; `markers` are the
    environments whose markers an event's end makes obsolete, `settled` those that the end of the
    whole batch does. A redrive's marker is the redrive's to remove: a batch in which its order only
    waited has not done what killed it.
    """

    everything: bool = False
    orders: frozenset[str] = frozenset()
    deaths: dict[Event, int] = {}
    markers: dict[Event, tuple[UUID, ...]] = {}
    settled: tuple[UUID, ...] = ()

    def __bool__(self) -> bool:
        return self.everything or bool(self.orders)

    def suspects(self, order_id: str | None) -> bool:
        """Whether this order is to be run event by event."""
        return order_id in self.orders


def suspect(
    markers: Iterable[Marker],
    span: Span,
    *,
    sequence_numbers: Collection[int],
    order_ids: Collection[str],
    code_version: str | None,
) -> Suspicion:
    """What other environments' markers say about a batch of these records and orders.

    `code_version` is that which runs; None while it is stopped, when deaths prove nothing.
    """
    known = list(markers)
    broad = [m for m in known if m.order_id is None and _meets(m, span, sequence_numbers)]
    named = [m for m in known if m.order_id is not None and m.order_id in order_ids]
    whole = [m for m in broad if not any(_supersedes(other, m, span) for other in known)]
    deaths: dict[Event, int] = {}
    events: dict[Event, tuple[UUID, ...]] = {}
    for marker in named:
        if marker.order_id is None or marker.position is None:
            continue
        event = (marker.order_id, marker.position)
        events[event] = (*events.get(event, ()), marker.environment)
        if marker.dead and marker.code_version == code_version:
            deaths[event] = deaths.get(event, 0) + 1
    return Suspicion(
        everything=bool(whole),
        orders=frozenset(m.order_id for m in named if m.order_id is not None),
        deaths=deaths,
        markers=events,
        settled=(
            *(m.environment for m in broad if span.ends_with(m.span)),
            *(m.environment for m in named if m.position is None and span.overlaps(m.span)),
        ),
    )


def _meets(marker: Marker, span: Span, sequence_numbers: Collection[int]) -> bool:
    """A death in these parts of the shard; or, before the deadline, one that began or ended with
    a record of this very batch. Siblings run in the same parts of the shard, with other records.
    """
    if marker.dead:
        return span.overlaps(marker.span)
    return marker.span.shard == span.shard and (
        marker.span.first in sequence_numbers or marker.span.last in sequence_numbers
    )


def _supersedes(other: Marker, marker: Marker, span: Span) -> bool:
    """Later, and about an order: where the batch that the marker names went on to."""
    return (
        other.order_id is not None
        and other.marked_at > marker.marked_at
        and other.span.overlaps(marker.span)
        and other.span.overlaps(span)
    )
