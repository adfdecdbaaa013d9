"""What happens to a database in an hour or two, and when. Times in minutes from the start."""

import random
from collections.abc import Callable

import msgspec

from bench.control.database import Database

Change = Callable[[Database], None]


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """`load(minute, able)` is the events a second that arrive, where `able` is what the best fixed
    setting does at first. `changes` happen once each. `steady` are windows, from and to, in which
    the setting is expected to have been found.
    """

    name: str
    minutes: int
    load: Callable[[float, float], float]
    changes: tuple[tuple[float, Change], ...] = ()
    steady: tuple[tuple[float, float], ...] = ()
    first: int = 2


def _set(**fields: float | bool) -> Change:
    def change(database: Database) -> None:
        for name, value in fields.items():
            setattr(database, name, value)

    return change


def _crowd(share: float) -> Change:
    """Neighbours: as many clients as this share of the best number."""

    def change(database: Database) -> None:
        best = ((1 - database.contention) / database.coherence) ** 0.5
        database.neighbours = share * best

    return change


def _saturating(_: float, able: float) -> float:
    return 1.6 * able


ALL: tuple[Scenario, ...] = (
    Scenario(
        name="saturated",
        minutes=150,
        load=_saturating,
        steady=((30, 150),),
    ),
    Scenario(
        name="mild overload",
        minutes=240,
        load=lambda _, able: 1.08 * able,
        steady=((40, 240),),
    ),
    Scenario(
        name="flat load",
        minutes=120,
        load=lambda _, able: 0.15 * able,
    ),
    Scenario(
        name="capacity halved, restored",
        minutes=150,
        load=_saturating,
        changes=((50.4, _set(capacity=0.5)), (100.4, _set(capacity=1.0))),
        steady=((30, 50), (70, 100), (120, 150)),
    ),
    Scenario(
        name="noisy neighbour",
        minutes=150,
        load=_saturating,
        changes=((50.4, _crowd(0.5)), (100.4, _crowd(0.0))),
        steady=((30, 50), (70, 100), (120, 150)),
    ),
    Scenario(
        name="slow plan",
        minutes=150,
        load=_saturating,
        changes=((50.4, _set(plan=5.0)), (100.4, _set(plan=1.0))),
        steady=((30, 50), (70, 100), (120, 150)),
    ),
    Scenario(
        name="failover",
        minutes=110,
        load=_saturating,
        changes=(
            (50.4, _set(up=False)),
            (51.2, _set(up=True, plan=2.5)),
            (53.0, _set(plan=1.4)),
            (55.0, _set(plan=1.0)),
        ),
        steady=((30, 50), (70, 110)),
    ),
    Scenario(
        name="down for ten minutes",
        minutes=110,
        load=_saturating,
        changes=((50.4, _set(up=False)), (60.4, _set(up=True))),
        steady=((30, 50), (80, 110)),
    ),
    Scenario(
        name="burst of 20 times",
        minutes=90,
        load=lambda minute, able: (4.0 if 40 <= minute < 41 else 0.2) * able,
    ),
)


def by_name(name: str) -> Scenario:
    return next(scenario for scenario in ALL if scenario.name == name)


def dice(seed: int, what: str) -> random.Random:
    """Randomness for one purpose of one seed."""
    return random.Random(f"{seed} {what}")  # noqa: S311 - a simulation
