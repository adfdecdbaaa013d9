"""The batch plan: chunks of records, and in each the lane of every order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from consumer.arrivals import Arrival, Record

Lanes = Mapping[str | None, Sequence[Arrival]]
"""The run of each order's events in stream order; under None what belongs to no known order."""


def chunks(records: Sequence[Record], max_events: int) -> Iterator[Sequence[Record]]:
    """Cut the batch between records so that no chunk has many more than `max_events` events.

    A record is never cut: it is the smallest thing Lambda can be asked to send again.
    """
    start = events = 0
    for index, record in enumerate(records):
        if events and events + len(record.arrivals) > max_events:
            yield records[start:index]
            start, events = index, 0
        events += len(record.arrivals)
    if start < len(records):
        yield records[start:]


def lanes(records: Iterable[Record]) -> Lanes:
    """One lane per order, each in stream order, the lanes in the order of their first event."""
    found: dict[str | None, list[Arrival]] = {}
    for record in records:
        for arrival in record.arrivals:
            lane = found.get(arrival.order_id)
            if lane is None:
                found[arrival.order_id] = [arrival]
            else:
                lane.append(arrival)
    return found
