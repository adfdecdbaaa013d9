"""The Lambda entry point: wires the parts, lets them apply the batch, answers Lambda.

The answer is the documented one of a partial batch response: `{"batchItemFailures": []}` when
everything is finished, else exactly one `itemIdentifier`, the checkpoint (Lambda Developer Guide,
"Configuring partial batch response with Kinesis"). The handler does not raise for what a batch
holds or what the database does: an error would be bisected, and bisecting an outage only
multiplies invocations.
"""

from consumer.early import begun  # before the rest is imported

# isort: split
import gc
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from consumer import projection, settings
from consumer.apart.starting import processes
from consumer.apart.witness import Witness
from consumer.arrivals import read_batch
from consumer.attempts import Attempts
from consumer.batch import apply_batch
from consumer.database import Database
from consumer.delivery import Delivery
from consumer.deploys import Code
from consumer.fuse import ANSWER_SECONDS, Fuse
from consumer.overrun import Overrun, Watched
from consumer.report import Report, batch_name, entry_name, report
from consumer.version import code_of
from consumer.watchdog import cuts, watching
from contract.metrics import NAMESPACE, Metric, dimensions

logger = Logger(service="consumer")
metrics = Metrics(namespace=NAMESPACE, service="consumer")
metrics.set_default_dimensions(**dimensions())

_MOST_LOGGED = 100
"""Parked events with a log line of their own per batch; the rest are only counted."""


class Parts(NamedTuple):
    """What lives as long as the execution environment, which has a name of its own."""

    environment: UUID
    settings: settings.Settings
    database: Database
    projection: Watched
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
        database=Database(given, pipelines=given.pipeline, begun=begun),
        projection=Watched(projection.find(given.projection)),
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
    except (MemoryError, SystemExit) as error:
        # By its class only: the message is the projection's, and may quote the event.
        extra = {"problem": type(error).__name__, **batch_name(event)}
        logger.error("out of memory, or told to exit: this process ends", extra=extra)  # noqa: TRY400
        raise SystemExit(1) from None


def _apply(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    began = time.monotonic()
    cold = not parts.cache_info().currsize
    made = parts()
    records = read_batch(event)
    if records and made.fuse.blown_for(time.monotonic()):
        return _hand_back(made.fuse, batch_name(event))
    waited = made.database.waited
    attempts = Attempts(
        made.database,
        made.projection,
        lambda: context.get_remaining_time_in_millis() / 1_000,
        made.settings.reserve_seconds,
        made.code,
    )
    shard = batch_name(event)["shard"]
    delivery = Delivery(attempts, environment=made.environment, shard=shard)
    overrun = Overrun(made.projection, made.database, made.settings.projection_seconds)
    with watching(made.database, _cuts(made.settings, attempts.remaining()), overrun):
        applied = apply_batch(
            records,
            attempts,
            chunk_events=made.settings.chunk_events,
            drain=made.settings.drain_entries,
            delivery=delivery,
            witness=_witness(attempts, made),
        )
    made.fuse.met(time.monotonic(), unreachable=attempts.unreachable)
    _say(
        report(
            event,
            records,
            applied,
            seconds=time.monotonic() - began,
            database_seconds=made.database.waited - waited,
            transient_failures=attempts.transient_failures,
            cold=cold,
        ),
        request_id=getattr(context, "aws_request_id", None),
    )
    failures = [] if applied.checkpoint is None else [{"itemIdentifier": applied.checkpoint}]
    return {"batchItemFailures": failures}


def _witness(attempts: Attempts, made: Parts) -> Witness:
    given = made.settings
    run = processes(given, made.code)
    return Witness(attempts, run, given.killer_deaths, given.projection_seconds)


def _hand_back(fuse: Fuse, batch: dict[str, Any]) -> dict[str, Any]:
    """The database did not answer a moment ago: nothing of the batch is begun."""
    time.sleep(min(fuse.blown_for(time.monotonic()), ANSWER_SECONDS))
    metrics.add_metric(name=Metric.BATCHES_REFUSED, unit=Metric.BATCHES_REFUSED.unit, value=1)
    logger.warning("batch handed back: the database did not answer a moment ago", extra=batch)
    return {"batchItemFailures": [{"itemIdentifier": batch["first"]}]}


def _cuts(given: settings.Settings, remaining: float) -> list[float]:
    return cuts(remaining, reserve=given.reserve_seconds, connect=given.connect_seconds)


def _say(said: Report, *, request_id: str | None) -> None:
    """One line has the metrics and names the batch: one that went well needs no other."""
    batch = {**said.batch, "request_id": request_id}
    for metric, values in said.metrics.items():
        for value in values:
            metrics.add_metric(name=metric, unit=metric.unit, value=value)
    for name, part in batch.items():
        metrics.add_metadata(name, part)
    for entry in said.needs_somebody[:_MOST_LOGGED]:
        logger.warning("event parked", extra=entry_name(entry) | batch)
    if said.problem is not None:
        logger.error(
            "code stopped" if said.stopped else "batch interrupted",
            extra={"problem": said.problem, "checkpoint": said.checkpoint, **batch},
        )
