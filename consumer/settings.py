"""What the function is told by its environment, parsed once at cold start."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from contract import InorderError

T = TypeVar("T")


class BadSetting(InorderError):
    """A setting is missing or cannot be used; the message names the variable."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the consumer can be told.

    The database is either `database_url` (a libpq URL, for local runs) or host, port, name and
    user, with the password in the Secrets Manager secret `db_secret_arn`, never in a variable.
    Seconds and counts are as named. `killer_deaths`: how many processes an event may end before it
    is parked unrun. `failing_orders`: the order that stops the code when so many have failed
    unexpectedly and none has succeeded. `fuse_seconds`: for how long batches are handed back
    untouched after the database did not answer, at first (0: never). `code_version` names the code,
    where it does not name itself by a digest.
    """

    projection: str = "consumer.orders:Orders"
    database_url: str | None = None
    db_host: str | None = None
    db_port: int = 5432
    db_name: str = "inorder"
    db_user: str = "inorder_app"
    db_secret_arn: str | None = None
    db_sslmode: str = "verify-full"
    db_sslrootcert: str | None = None
    connect_seconds: int = 5
    chunk_events: int = 10_000
    drain_entries: int = 100
    reserve_seconds: float = 1.0
    killer_deaths: int = 3
    failing_orders: int = 5
    fuse_seconds: float = 1.0
    code_version: str | None = None


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in these variables; raises `BadSetting`."""
    given = Settings(
        projection=environment.get("PROJECTION") or "consumer.orders:Orders",
        database_url=environment.get("DATABASE_URL") or None,
        db_host=environment.get("DB_HOST") or None,
        db_port=number(environment, "DB_PORT", int, 5432, low=1, high=65535),
        db_name=environment.get("DB_NAME") or "inorder",
        db_user=environment.get("DB_USER") or "inorder_app",
        db_secret_arn=environment.get("DB_SECRET_ARN") or None,
        db_sslmode=environment.get("DB_SSLMODE") or "verify-full",
        db_sslrootcert=environment.get("DB_SSLROOTCERT") or None,
        connect_seconds=number(environment, "CONNECT_SECONDS", int, 5, low=2, high=60),
        chunk_events=number(environment, "CHUNK_EVENTS", int, 10_000, low=1, high=1_000_000),
        drain_entries=number(environment, "DRAIN_ENTRIES", int, 100, low=1, high=100_000),
        reserve_seconds=number(environment, "RESERVE_SECONDS", float, 1.0, low=0.0, high=300.0),
        killer_deaths=number(environment, "KILLER_DEATHS", int, 3, low=1, high=100),
        failing_orders=number(environment, "FAILING_ORDERS", int, 5, low=1, high=1_000),
        fuse_seconds=number(environment, "FUSE_SECONDS", float, 1.0, low=0.0, high=60.0),
        code_version=environment.get("CODE_VERSION") or None,
    )
    if (given.database_url is None) is (given.db_host is None):
        raise BadSetting("set either DATABASE_URL or DB_HOST, so that the database is known")
    if given.db_host and given.db_sslrootcert and not Path(given.db_sslrootcert).is_file():
        raise BadSetting(f"DB_SSLROOTCERT: there is no file {given.db_sslrootcert}")
    return given


def number(
    environment: Mapping[str, str],
    name: str,
    parse: Callable[[str], T],
    default: T,
    *,
    low: float,
    high: float,
) -> T:
    """The number in a variable, `default` where it is not set; raises `BadSetting`."""
    text = environment.get(name)
    if not text:
        return default
    try:
        value = parse(text)
    except ValueError:
        raise BadSetting(f"{name} is {text!r}: expected a number") from None
    if not low <= value <= high:  # type: ignore[operator] # T is int or float
        raise BadSetting(f"{name} is {text}: expected {low:g} to {high:g}")
    return value
