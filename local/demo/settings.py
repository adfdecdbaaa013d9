"""What the demo is told by its environment variables."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from contract import InorderError


class BadDemoSetting(InorderError):
    """A variable of the demo cannot be used; the message names it."""


class DemoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All optional. See README, "The demo's variables"."""

    events: Path | None = None
    database_url: str | None = None
    endpoint_url: str | None = None
    shards: int = 4
    producers: int = 4
    report: Path | None = None
    projection: str = "consumer.orders:Orders"
    migrations: Path | None = None
    seed: int = 1
    count: int = 50_000
    rate: int = 0


def read(environment: Mapping[str, str] = os.environ) -> DemoSettings:
    """The settings in these variables; raises `BadDemoSetting`."""
    default = DemoSettings()
    return DemoSettings(
        events=_file(environment, "EVENTS"),
        database_url=environment.get("DATABASE_URL") or None,
        endpoint_url=environment.get("ENDPOINT_URL") or None,
        shards=_number(environment, "SHARDS", default.shards, 1, 64),
        producers=_number(environment, "PRODUCERS", default.producers, 1, 64),
        report=Path(environment["REPORT"]) if environment.get("REPORT") else None,
        projection=environment.get("PROJECTION") or default.projection,
        migrations=_folder(environment, "MIGRATIONS"),
        seed=_number(environment, "SEED", default.seed, 0, 2**63),
        count=_number(environment, "COUNT", default.count, 1, 10_000_000),
        rate=_number(environment, "RATE", default.rate, 0, 1_000_000),
    )


def _number(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise BadDemoSetting(f"{name}={text}: expected a whole number from {low} to {high:,}")
    return int(text)


def _file(environment: Mapping[str, str], name: str) -> Path | None:
    path = Path(environment[name]) if environment.get(name) else None
    if path is not None and not path.is_file():
        raise BadDemoSetting(f"{name}={path}: there is no such file")
    return path


def _folder(environment: Mapping[str, str], name: str) -> Path | None:
    path = Path(environment[name]) if environment.get(name) else None
    if path is not None and not path.is_dir():
        raise BadDemoSetting(f"{name}={path}: there is no such folder")
    return path
