"""The Lambda entry point: wires the parts, lets them apply the batch, answers Lambda.

The answer is the documented one of a partial batch response: `{"batchItemFailures": []}` when
everything is finished, else exactly one `itemIdentifier`, the checkpoint (Lambda Developer Guide,
"Configuring partial batch response with Kinesis"). The handler does not raise for what a batch
holds or what the database does: an error would be bisected, and bisecting an outage only
multiplies invocations.
"""

import gc
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from consumer import projection, settings
from consumer.arrivals import read_batch
from consumer.attempts import Attempts, Stopped
from consumer.batch import Applied, apply_batch
from consumer.database import Database
from consumer.delivery import Delivery
from consumer.deploys import Code
from consumer.fuse import ANSWER_SECONDS, Fuse
from consumer.order import Kind, Reason, Waiting
from consumer.version import code_of
from consumer.watchdog import cuts, watching
from contract.metrics import NAMESPACE, Metric

logger = Logger(service="consumer")
metrics = Metrics(namespace=NAMESPACE, service="consumer")

_MOST_LOGGED = 100
"""Parked events with a log line of their own per batch; the rest are only counted."""


class Parts(NamedTuple):
    """What lives as long as the execution environment, which has a name of its own."""

    environment: UUID
    settings: settings.Settings
    database: Database
    projection: projection.Projection[Any]
    code: Code
    fuse: Fuse


@cache
def parts() -> Parts:
    """Settings, database and projection, made at the first call; raises what is wrong with them.

    Not earlier: environments that start from one snapshot would have one name.
    """
    given = settings.read()
    made = Parts(
        environment=uuid4(),
        settings=given,
        database=Database(given),
        projection=projection.find(given.projection),
        code=code_of(given),
        fuse=Fuse(first=given.fuse_seconds),
    )
    # What is imported by now stays: the collections that a large batch sets off need not go
    # through it, which costs a fifth of the consumer's time.
    gc.freeze()
    return made


@metrics.log_metrics
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Apply a Kinesis batch; see the module for the answer.

    A process that ran out of memory ends, and so starts anew: what it would say of the next event
    is no proof of anything.
    """
    try:
        return _apply(event, context)
    except MemoryError as error:
        logger.exception("out of memory: this process ends")
        raise SystemExit(1) from error


def _apply(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    made = parts()
    records = read_batch(event)
    batch = _batch_name(event, len(records))
    if records and made.fuse.blown_for(time.monotonic()):
        return _hand_back(made.fuse, batch)
    waited = made.database.waited
    attempts = Attempts(
        made.database,
        made.projection,
        lambda: context.get_remaining_time_in_millis() / 1_000,
        made.settings.reserve_seconds,
        made.code,
    )
    delivery = Delivery(
        attempts,
        environment=made.environment,
        code_version=made.code.version,
        shard=batch["shard"],
    )
    with watching(made.database, _cuts(made.settings, attempts.remaining())):
        applied = apply_batch(
            records,
            attempts,
            chunk_events=made.settings.chunk_events,
            drain=made.settings.drain_entries,
            delivery=delivery,
            killer_deaths=made.settings.killer_deaths,
        )
    made.fuse.met(time.monotonic(), unreachable=attempts.unreachable)
    metrics.add_metric(
        name=Metric.DATABASE_MILLISECONDS,
        unit=MetricUnit.Milliseconds,
        value=round((made.database.waited - waited) * 1_000, 3),
    )
    _report(applied, batch)
    failures = [] if applied.checkpoint is None else [{"itemIdentifier": applied.checkpoint}]
    return {"batchItemFailures": failures}


def _hand_back(fuse: Fuse, batch: dict[str, Any]) -> dict[str, Any]:
    """The database did not answer a moment ago: nothing of the batch is begun."""
    time.sleep(min(fuse.blown_for(time.monotonic()), ANSWER_SECONDS))
    metrics.add_metric(name=Metric.BATCHES_REFUSED, unit=MetricUnit.Count, value=1)
    logger.warning("batch handed back: the database did not answer a moment ago", extra=batch)
    return {"batchItemFailures": [{"itemIdentifier": batch["first"]}]}


def _cuts(given: settings.Settings, remaining: float) -> list[float]:
    return cuts(remaining, reserve=given.reserve_seconds, connect=given.connect_seconds)


def _report(applied: Applied, batch: dict[str, Any]) -> None:
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
        Metric.BATCHES_SUSPECTED: int(bool(applied.suspicion)),
        Metric.KILLERS_PARKED: sum(e.failure.reason is Reason.KILLER for e in blockers),
        Metric.CODE_STOPPED: int(isinstance(applied.problem, Stopped)),
    }
    for name, count in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    for entry in [*blockers, *strays][:_MOST_LOGGED]:
        logger.warning("event parked", extra=_where(entry) | batch)
    if applied.problem is not None:
        logger.error(
            "code stopped" if isinstance(applied.problem, Stopped) else "batch interrupted",
            extra={"problem": str(applied.problem), "checkpoint": applied.checkpoint, **batch},
        )


def _where(entry: Waiting) -> dict[str, Any]:
    """What a log line says of an event: never its payload, nor the detail, which may quote it."""
    event = entry.arrival.event
    return {
        "order_id": entry.arrival.order_id,
        "position": str(entry.arrival.position),
        "event_id": str(event.id) if event else None,
        "kind": str(entry.kind),
        "reason": str(entry.failure.reason),
    }


def _batch_name(event: Mapping[str, Any], records: int) -> dict[str, Any]:
    first = event["Records"][0] if records else {}
    last = event["Records"][-1] if records else {}
    return {
        "shard": first.get("eventID", "").partition(":")[0],
        "first": first.get("kinesis", {}).get("sequenceNumber"),
        "last": last.get("kinesis", {}).get("sequenceNumber"),
        "records": records,
    }
