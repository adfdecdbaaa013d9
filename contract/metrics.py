"""The names of the metrics, so that what is emitted, alarmed on and drawn is one thing."""

from enum import StrEnum

NAMESPACE = "Inorder"


class Metric(StrEnum):
    """CloudWatch metric names; counts unless the name says a unit."""

    REQUESTS = "Requests"
    REQUESTS_INVALID = "RequestsInvalid"
    EVENTS_SENT = "EventsSent"
    EVENTS_NOT_SENT = "EventsNotSent"
    EVENTS_UNKNOWN = "EventsUnknown"

    EVENTS_APPLIED = "EventsApplied"
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
    ORDERS_PARKED = "OrdersParked"
    ORDERS_IN_GAP = "OrdersInGap"
    EVENTS_WAITING = "EventsWaiting"
    STRAYS_WAITING = "StraysWaiting"
    OLDEST_WAITING_SECONDS = "OldestWaitingSeconds"

    CONCURRENCY_FACTOR = "ConcurrencyFactor"
    CONCURRENCY_TARGET = "ConcurrencyTarget"
    CONCURRENCY_CHANGES = "ConcurrencyChanges"
    BREAKER_STATE = "BreakerState"
    CONTROL_BLIND = "ControlBlind"
    CONTROL_REFUSED = "ControlRefused"
    RETENTION_USED_PERCENT = "RetentionUsedPercent"
