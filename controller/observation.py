"""What one turn of the loop sees. Times are seconds since 1970; everything is as AWS reports it."""

from enum import StrEnum

import msgspec

from controller.hand import Hand


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """One period's sums of what the consumer and the database said (a minute on AWS).

    `events` were finished, in `batches` invocations that took `worked_ms` milliseconds, `busy_ms`
    of them waiting for the database; `failures` are transient ones, `refused` batches handed back
    without asking it. `iterator_age_ms` is the largest, None where nothing was delivered. Of the
    database, None where it is not known: `cpu` and `capacity` in percent of what it may have,
    `connections` in percent of the proxy's, `borrow_ms` the mean milliseconds a client waited for
    a connection, `available` whether the proxy reached it.
    """

    at: float
    events: float = 0.0
    batches: float = 0.0
    worked_ms: float = 0.0
    busy_ms: float = 0.0
    failures: float = 0.0
    refused: float = 0.0
    iterator_age_ms: float | None = None
    cpu: float | None = None
    capacity: float | None = None
    connections: float | None = None
    borrow_ms: float | None = None
    available: bool | None = None

    @property
    def is_silent(self) -> bool:
        """Whether nothing was heard: an idle stream, or metrics that are still on the way."""
        heard = self.batches or self.refused or self.failures or self.events
        return not heard and self.available is not False

    @property
    def service_ms(self) -> float | None:
        """Service time per row: milliseconds of the database's time that one event took."""
        return self.busy_ms / self.events if self.events > 0 and self.busy_ms > 0 else None

    @property
    def failing(self) -> float:
        """The share of the attempts that failed for the database's sake, 0 to 1."""
        failed = self.failures + self.refused
        return min(1.0, failed / max(self.batches + self.refused, failed, 1.0))


class MappingState(StrEnum):
    """What Lambda says of an event source mapping (GetEventSourceMapping, `State`)."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    DISABLING = "Disabling"
    DISABLED = "Disabled"
    UPDATING = "Updating"
    DELETING = "Deleting"


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """The event source mapping's real settings; window in seconds."""

    state: MappingState
    factor: int
    batch_size: int
    window: int

    @property
    def takes_updates(self) -> bool:
        """Whether an update would not be refused as being in conflict with another one."""
        return self.state in (MappingState.ENABLED, MappingState.DISABLED)


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """All that one decision is made of.

    `minutes` are complete ones, the newest last; `retention` is the stream's, in seconds. `hand` is
    None where what the operator wrote cannot be read.
    """

    at: float
    minutes: tuple[Minute, ...]
    mapping: Mapping
    shards: int
    retention: float
    hand: Hand | None = Hand()
