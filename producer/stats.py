"""A producer's state in numbers, for progress bars, logs and metrics."""

import msgspec


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """One moment of a producer."""

    buffered_events: int
    """Events kept in memory: without a result yet, or owed by a paused order."""
    buffered_bytes: int
    requests_in_flight: int
    sent: int
    """Events that got a receipt."""
    retries: int
    """Records that were put, or are to be put, once more."""
    paused: int
    """Orders that wait for `resume`."""
