"""The names of the metrics, so that what is emitted, alarmed on and drawn is one thing."""

from enum import StrEnum

NAMESPACE = "Inorder"


class Metric(StrEnum):
    """CloudWatch metric names; counts unless the name says a unit."""

    EVENTS_APPLIED = "EventsApplied"
    EVENTS_PARKED = "EventsParked"
    EVENTS_HELD = "EventsHeld"
    EVENTS_STRAY = "EventsStray"
    DUPLICATES_SKIPPED = "DuplicatesSkipped"
    BATCHES_INTERRUPTED = "BatchesInterrupted"
