"""What the function is told by its environment, parsed once at cold start."""

import os
from collections.abc import Mapping

from login.settings import BadSetting, DatabaseSettings, fields, number

__all__ = ["BadSetting", "Settings", "number", "read"]


class Settings(DatabaseSettings, frozen=True, kw_only=True):
    """Everything the consumer can be told, beside which database it works on.

    Seconds and counts are as named. `killer_deaths`: how many processes an event may end before it
    is parked unrun. `failing_orders`: the order that stops the code when so many have failed
    unexpectedly and none has succeeded. `projection_seconds`: how long the projection's own code
    may run without coming back or asking the database. `fuse_seconds`: for how long batches are
    handed back untouched after the database did not answer, at first (0: never). `code_version`
    names the code, where it does not name itself by a digest. With `pipeline` a
    batch takes four round trips instead of ten; that was not tried through RDS Proxy yet.
    """

    projection: str = "consumer.orders:Orders"
    chunk_events: int = 10_000
    drain_entries: int = 100
    reserve_seconds: float = 1.0
    killer_deaths: int = 3
    failing_orders: int = 5
    projection_seconds: float = 5.0
    fuse_seconds: float = 1.0
    code_version: str | None = None
    pipeline: bool = False


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in these variables; raises `BadSetting`."""
    return Settings(
        **fields(environment),
        projection=environment.get("PROJECTION") or "consumer.orders:Orders",
        chunk_events=number(environment, "CHUNK_EVENTS", int, 10_000, low=1, high=1_000_000),
        drain_entries=number(environment, "DRAIN_ENTRIES", int, 100, low=1, high=100_000),
        reserve_seconds=number(environment, "RESERVE_SECONDS", float, 1.0, low=0.0, high=300.0),
        killer_deaths=number(environment, "KILLER_DEATHS", int, 3, low=1, high=100),
        failing_orders=number(environment, "FAILING_ORDERS", int, 5, low=1, high=1_000),
        projection_seconds=number(
            environment, "PROJECTION_SECONDS", float, 5.0, low=0.1, high=900.0
        ),
        fuse_seconds=number(environment, "FUSE_SECONDS", float, 1.0, low=0.0, high=60.0),
        code_version=environment.get("CODE_VERSION") or None,
        pipeline=number(environment, "PIPELINE", int, 0, low=0, high=1) == 1,
    )
