"""The names of the metrics, so that what is emitted, alarmed on and drawn is one thing.

Every metric has the dimensions `service` (Powertools' own: producer, consumer, redrive, audit …)
and `stack`, since all stacks of an account write into one namespace.
"""

import os
from collections.abc import Mapping
from enum import StrEnum

NAMESPACE = "Inorder"


def dimensions(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The dimensions beside `service`; none where `STACK_NAME` does not say which stack this is."""
    stack = environment.get("STACK_NAME")
    return {"stack": stack} if stack else {}


class Metric(StrEnum):
    """CloudWatch metric names; counts unless the name says a unit."""

    COLD_STARTS = "ColdStarts"

    REQUESTS = "Requests"
    REQUESTS_INVALID = "RequestsInvalid"
    EVENTS_SENT = "EventsSent"
    EVENTS_NOT_SENT = "EventsNotSent"
    EVENTS_UNKNOWN = "EventsUnknown"

    EVENTS_APPLIED = "EventsApplied"
    EVENTS_FINISHED = "EventsFinished"
    EVENTS_PARKED = "EventsParked"
    EVENTS_HELD = "EventsHeld"
    EVENTS_STRAY = "EventsStray"
    DUPLICATES_SKIPPED = "DuplicatesSkipped"
    BATCHES_INTERRUPTED = "BatchesInterrupted"
    BATCHES_SUSPECTED = "BatchesSuspected"
    KILLERS_PARKED = "KillersParked"
    CODE_STOPPED = "CodeStopped"
    DATABASE_MILLISECONDS = "DatabaseMilliseconds"
    BATCHES_REFUSED = "BatchesRefused"
    TRANSIENT_FAILURES = "TransientFailures"
    BATCH_MILLISECONDS = "BatchMilliseconds"
    ROW_MICROSECONDS = "RowMicroseconds"
    STREAM_TO_COMMIT_MILLISECONDS = "StreamToCommitMilliseconds"
    EVENT_TO_COMMIT_MILLISECONDS = "EventToCommitMilliseconds"

    EVENTS_REDRIVEN = "EventsRedriven"
    ORDERS_UNPARKED = "OrdersUnparked"
    REDRIVES_STOPPED = "RedrivesStopped"
    REDRIVES_INTERRUPTED = "RedrivesInterrupted"
    OBJECTS_FED_IN = "ObjectsFedIn"
    OBJECTS_UNREADABLE = "ObjectsUnreadable"

    AUDIT_FAULTS = "AuditFaults"
    AUDIT_ROWS = "AuditRows"
    AUDIT_LAG_SECONDS = "AuditLagSeconds"
    AUDIT_UNFINISHED = "AuditUnfinished"
    LEDGER_ROWS_PRUNED = "LedgerRowsPruned"
    ORDERS_PARKED = "OrdersParked"
    ORDERS_IN_GAP = "OrdersInGap"
    EVENTS_WAITING = "EventsWaiting"
    STRAYS_WAITING = "StraysWaiting"
    OLDEST_PARKED_SECONDS = "OldestParkedSeconds"
    OLDEST_GAP_SECONDS = "OldestGapSeconds"

    CONCURRENCY_FACTOR = "ConcurrencyFactor"
    CONCURRENCY_TARGET = "ConcurrencyTarget"
    CONCURRENCY_CHANGES = "ConcurrencyChanges"
    BREAKER_STATE = "BreakerState"
    CONTROL_BLIND = "ControlBlind"
    CONTROL_REFUSED = "ControlRefused"
    RETENTION_USED_PERCENT = "RetentionUsedPercent"

    @property
    def unit(self) -> str:
        """CloudWatch's name of the unit, which a metric that is no count ends with."""
        return next((unit for unit in _UNITS if self.endswith(unit)), "Count")


_UNITS = ("Seconds", "Milliseconds", "Microseconds", "Percent")
