"""What happens to a database in an hour or two, and when. Times in minutes from the start."""

import math
import random
from collections.abc import Callable

import msgspec

from bench.control.world import World

Change = Callable[[World], None]


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """`load(minute, able)` is the events a second that arrive, where `able` is what the best fixed
    setting does at first. `changes` happen once each. `steady` are windows, from and to, in which
    the setting is expected to have been found. `overload` is the longest that may last, in periods:
    three, and more only where the controller is blind, bound or robbed of its memory meanwhile.
    """

    name: str
    minutes: int
    load: Callable[[float, float], float]
    changes: tuple[tuple[float, Change], ...] = ()
    steady: tuple[tuple[float, float], ...] = ()
    first: int = 2
    overload: float = 3.0


def _set(**fields: float | bool) -> Change:
    """The database becomes so."""

    def change(world: World) -> None:
        for name, value in fields.items():
            setattr(world.database, name, value)

    return change


def _halved(begin: float, end: float) -> tuple[tuple[float, Change], ...]:
    """Half of the capacity from one minute to another."""
    return (begin, _set(capacity=0.5)), (end, _set(capacity=1.0))


def _crowd(share: float) -> Change:
    """Neighbours: as many clients as this share of the best number."""

    def change(world: World) -> None:
        database = world.database
        best = ((1 - database.contention) / database.coherence) ** 0.5
        database.neighbours = share * best

    return change


def _reshard(times: float) -> Change:
    """So many times the shards."""

    def change(world: World) -> None:
        world.pipeline.shards = max(1, round(world.pipeline.shards * times))

    return change


def _metrics(shown: tuple[float, float], lost: float) -> Change:
    def change(world: World) -> None:
        world.watch.shown, world.watch.lost = shown, lost

    return change


def _updates(takes: tuple[float, float], refusing: float) -> Change:
    def change(world: World) -> None:
        world.control.takes, world.control.refusing = takes, refusing

    return change


def _by_hand(factor: int) -> Change:
    return lambda world: world.control.by_hand(factor)


def _forget(world: World) -> None:
    world.decider.forget()


def _saturating(_: float, able: float) -> float:
    return 1.6 * able


def _sine(minute: float, able: float) -> float:
    return (0.7 + 0.6 * math.sin(2 * math.pi * minute / 40)) * able


def _saw(minute: float, able: float) -> float:
    return 1.5 * (minute % 30) / 30 * able


def _steps(minute: float, able: float) -> float:
    return (1.4 if int(minute // 25) % 2 else 0.3) * able


def _decay(begin: float, minutes: int, to: float) -> tuple[tuple[float, Change], ...]:
    """The capacity goes to a share of what it was, a little every minute."""
    steps = (to ** (n / minutes) for n in range(1, minutes + 1))
    return tuple((begin + n, _set(capacity=capacity)) for n, capacity in enumerate(steps))


def _spells(
    begin: float, times: int, bad: float, good: float, **fields: tuple[float | bool, float | bool]
) -> tuple[tuple[float, Change], ...]:
    """For so many minutes bad, for so many good, again and again: each field's value in either."""
    becomes = [_set(**{name: values[n] for name, values in fields.items()}) for n in range(2)]
    starts = [begin + n * (bad + good) for n in range(times)]
    return tuple(change for at in starts for change in ((at, becomes[0]), (at + bad, becomes[1])))


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
        changes=_halved(50.4, 100.4),
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
    Scenario(name="sine load", minutes=240, load=_sine),
    Scenario(name="saw-tooth load", minutes=240, load=_saw),
    Scenario(name="steps of load", minutes=250, load=_steps),
    Scenario(
        name="capacity decays",
        minutes=200,
        load=_saturating,
        changes=_decay(40.4, 80, 0.4),
        steady=((30, 40), (50, 120), (140, 200)),
    ),
    Scenario(
        name="flapping database",
        minutes=150,
        load=_saturating,
        changes=_spells(40.4, 6, 2.5, 3.5, up=(False, True)),
        steady=((30, 40), (100, 150)),
    ),
    Scenario(
        name="stalls of 45 seconds",
        minutes=190,
        load=_saturating,
        changes=_spells(30.4, 12, 0.75, 12.55, plan=(2.5, 1.0)),
        steady=((30, 190),),
    ),
    Scenario(
        name="metrics late, lost, out of order",
        minutes=150,
        load=_saturating,
        changes=((0.0, _metrics((0.0, 150.0), 0.15)), *_halved(60.4, 105.4)),
        steady=((40, 60), (85, 105), (130, 150)),
        overload=7.0,
    ),
    Scenario(
        name="resharded",
        minutes=150,
        load=_saturating,
        changes=((50.4, _reshard(2.0)), (100.4, _reshard(0.75))),
        steady=((30, 50), (70, 100), (120, 150)),
    ),
    Scenario(
        name="factor set by hand",
        minutes=110,
        load=_saturating,
        changes=((50.4, _by_hand(9)), (80.4, _by_hand(1))),
        steady=((30, 50), (55, 80), (85, 110)),
        first=7,
    ),
    Scenario(
        name="updates fail and take minutes",
        minutes=150,
        load=_saturating,
        changes=((0.0, _updates((30.0, 240.0), 0.3)), *_halved(60.4, 105.4)),
        steady=((45, 60), (85, 105), (135, 150)),
        overload=11.0,
    ),
    Scenario(
        name="state lost",
        minutes=150,
        load=_saturating,
        changes=(
            (40.4, _forget),
            (70.4, _set(up=False)),
            (73.4, _forget),
            (78.4, _set(up=True)),
            (110.4, _forget),
        ),
        steady=((30, 40), (55, 70), (100, 110), (125, 150)),
        overload=7.0,
    ),
    Scenario(
        name="slow from the first minute",
        minutes=110,
        load=_saturating,
        changes=((0.0, _set(capacity=0.5, plan=3.0)), (60.4, _set(capacity=1.0, plan=1.0))),
        steady=((30, 60), (85, 110)),
        first=10,
    ),
    Scenario(name="never saturated", minutes=180, load=lambda _, able: 0.65 * able, first=6),
)


def by_name(name: str) -> Scenario:
    return next(scenario for scenario in ALL if scenario.name == name)


def dice(seed: int, what: str) -> random.Random:
    """Randomness for one purpose of one seed."""
    return random.Random(f"{seed} {what}")  # noqa: S311 - a simulation
