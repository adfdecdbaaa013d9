"""What the consumer says of a batch: counts, times, and a log line for what a person has to see.

A log line names an event by order, position and id, and a batch by shard and sequence numbers. It
never holds a payload, nor the detail of a failure, which may quote it: those are in the lot.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from consumer.arrivals import Record
from consumer.attempts import Stopped
from consumer.batch import Applied
from consumer.latency import milliseconds, sample
from consumer.order import Kind, Reason, Waiting
from contract.metrics import Metric


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say of one batch, in the metrics' own units. `needs_somebody` are the
    entries of the lot that block since now, or stray.
    """

    batch: Mapping[str, Any]
    metrics: Mapping[Metric, Sequence[float]]
    needs_somebody: Sequence[Waiting]
    problem: str | None
    checkpoint: str | None
    stopped: bool


def report(
    event: Mapping[str, Any],
    records: Sequence[Record],
    applied: Applied,
    *,
    seconds: float,
    database_seconds: float,
    transient_failures: int,
    cold: bool,
) -> Report:
    """What a batch came to that has ended just now, after `seconds`, `database_seconds` of which it
    waited for the database.
    """
    done = applied.committed
    parked = [entry for one in done for entry in (*one.parked, *one.refused)]
    blockers = [entry for entry in parked if entry.kind is Kind.BLOCKER]
    strays = [entry for entry in parked if entry.kind is Kind.STRAY]
    counts = {
        Metric.EVENTS_APPLIED: sum(one.applied for one in done),
        Metric.EVENTS_PARKED: len(blockers),
        Metric.EVENTS_HELD: len(parked) - len(blockers) - len(strays),
        Metric.EVENTS_STRAY: len(strays),
        Metric.DUPLICATES_SKIPPED: sum(one.duplicates for one in done),
        Metric.BATCHES_INTERRUPTED: int(applied.checkpoint is not None),
        Metric.BATCHES_SUSPECTED: int(applied.suspected),
        Metric.KILLERS_PARKED: sum(e.failure.reason is Reason.KILLER for e in blockers),
        Metric.CODE_STOPPED: int(isinstance(applied.problem, Stopped)),
        Metric.TRANSIENT_FAILURES: transient_failures,
        Metric.COLD_STARTS: int(cold),
    }
    events = counts[Metric.EVENTS_APPLIED] + len(parked) + counts[Metric.DUPLICATES_SKIPPED]
    counts[Metric.EVENTS_FINISHED] = events
    return Report(
        batch=batch_name(event),
        metrics={name: [count] for name, count in counts.items()}
        | {Metric.DATABASE_MILLISECONDS: [round(database_seconds * 1_000, 3)]}
        | dict(_times(event, records, applied, seconds=seconds, events=events)),
        needs_somebody=[*blockers, *strays],
        problem=None if applied.problem is None else str(applied.problem),
        checkpoint=applied.checkpoint,
        stopped=bool(counts[Metric.CODE_STOPPED]),
    )


def batch_name(event: Mapping[str, Any]) -> dict[str, Any]:
    """A batch by its shard, its first and last sequence number and how many records it has."""
    records = event["Records"]
    if not records:
        return {"shard": "", "first": None, "last": None, "records": 0}
    return {
        "shard": records[0].get("eventID", "").partition(":")[0],
        "first": records[0]["kinesis"].get("sequenceNumber"),
        "last": records[-1]["kinesis"].get("sequenceNumber"),
        "records": len(records),
    }


def entry_name(entry: Waiting) -> dict[str, Any]:
    """An entry of the lot by its order and position, with the reason it waits for."""
    event = entry.arrival.event
    return {
        "order_id": entry.arrival.order_id,
        "position": str(entry.arrival.position),
        "event_id": str(event.id) if event else None,
        "kind": str(entry.kind),
        "reason": str(entry.failure.reason),
    }


def _times(
    event: Mapping[str, Any],
    records: Sequence[Record],
    applied: Applied,
    *,
    seconds: float,
    events: int,
) -> Iterator[tuple[Metric, Sequence[float]]]:
    """The batch's duration, and by event; from the stream and from the event's own time until now,
    of some of the records that are finished.
    """
    yield Metric.BATCH_MILLISECONDS, [seconds * 1_000]
    if events:
        yield Metric.ROW_MICROSECONDS, [seconds * 1_000_000 / events]
    now = time.time()
    wanted = sample(_finished(records, applied))
    arrived = [event["Records"][i]["kinesis"].get("approximateArrivalTimestamp") for i in wanted]
    yield Metric.STREAM_TO_COMMIT_MILLISECONDS, milliseconds(filter(None, arrived), now)
    first = (records[i].arrivals[0].event for i in wanted if records[i].arrivals)
    happened = [known.time.timestamp() for known in first if known is not None]
    yield Metric.EVENT_TO_COMMIT_MILLISECONDS, milliseconds(happened, now)


def _finished(records: Sequence[Record], applied: Applied) -> int:
    """How many records, from the first on, need not come again."""
    if applied.checkpoint is None:
        return len(records)
    numbers = (record.sequence_number for record in records)
    return next(i for i, number in enumerate(numbers) if number == applied.checkpoint)
