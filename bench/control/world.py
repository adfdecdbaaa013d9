"""All that a scenario may change: database, stream, metrics, mapping, and what is remembered."""

from typing import NamedTuple, Protocol

from bench.control.database import Database
from bench.control.pipeline import Pipeline
from bench.control.watching import CloudWatch, Lambda


class Decider(Protocol):
    """Whoever sets the factor, once a period."""

    reasons: list[tuple[float, str]]

    def turn(self, now: float, watch: CloudWatch, control: Lambda, shards: int) -> None: ...

    def forget(self) -> None:
        """What was remembered is lost."""
        ...


class World(NamedTuple):
    """One run's parts."""

    database: Database
    pipeline: Pipeline
    watch: CloudWatch
    control: Lambda
    decider: Decider
