"""What a run is told by its environment, which is where make puts what it is given."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from contract import InorderError

DOCS = Path(__file__).parents[1] / "docs" / "benchmarks"


class BadSetting(InorderError):
    """A setting cannot be used; the message names the variable."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`only` names the benchmarks to run; `folder` takes results and plots, `report` a copy of
    the results. A quick run proves nothing and so leaves `docs/benchmarks` alone.
    """

    only: tuple[str, ...]
    quick: bool = False
    folder: Path = DOCS
    report: Path | None = None
    database_url: str | None = None


def read(known: Collection[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in these variables; `known` are the benchmarks there are."""
    only = tuple(environment.get("ONLY", "").replace(",", " ").split()) or tuple(known)
    for name in only:
        if name not in known:
            raise BadSetting(f"ONLY: there is no benchmark {name!r}; there are {', '.join(known)}")
    quick = environment.get("QUICK", "") not in ("", "0")
    report = environment.get("REPORT")
    folder = environment.get("RESULTS") or ("build/bench" if quick else DOCS)
    return Settings(
        only=only,
        quick=quick,
        folder=Path(folder),
        report=Path(report) if report else None,
        database_url=environment.get("DATABASE_URL") or None,
    )
