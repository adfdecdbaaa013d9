"""Contestants take turns, and what is compared is what they did at the same time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from statistics import median, quantiles

import msgspec

from bench.contestant import Entry, Lap, Started

Repeats = Sequence[Mapping[str, Sequence["Block"]]]
"""For each repeat, the blocks of every contestant."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive turns of one contestant, added up."""

    events: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The median and the quartiles of so many values."""

    median: float
    low: float
    high: float
    of: int


def race(
    entries: Callable[[int], Sequence[Entry]],
    *,
    turns: int,
    warm_up: int,
    repeats: int,
    blocks: int,
    on_repeat: Callable[[int], None] = lambda _repeat: None,
) -> Repeats:
    """Run `repeats` races of `turns` turns each, after `warm_up` turns that are not counted, and
    add the turns up in `blocks` blocks.

    `entries(repeat)` makes the contestants of a repeat, which start on fresh tables.
    """
    done = []
    for repeat in range(repeats):
        on_repeat(repeat)
        with ExitStack() as started:
            running = [(e, started.enter_context(Started(e))) for e in entries(repeat)]
            laps = _run(running, turns=turns, warm_up=warm_up)
        done.append({name: _blocks(each, turns, blocks) for name, each in laps.items()})
    return done


def _run(
    running: Sequence[tuple[Entry, Started]], *, turns: int, warm_up: int
) -> dict[str, list[tuple[int, Lap]]]:
    laps: dict[str, list[tuple[int, Lap]]] = {entry.name: [] for entry, _ in running}
    order = list(running)
    taken = dict.fromkeys(laps, 0)
    for turn in range(-warm_up, turns):
        order.append(order.pop(0))
        for entry, started in order:
            if not takes_part(turn, turns, entry.turns):
                continue
            lap = started.turn(taken[entry.name])
            taken[entry.name] += 1
            if turn >= 0:
                laps[entry.name].append((turn, lap))
    return laps


def takes_part(turn: int, turns: int, wanted: int | None) -> bool:
    """Whether a contestant that wants so many of the turns takes this one; of the turns before
    the first, which warm up, it takes one.
    """
    if wanted is None or wanted >= turns:
        return True
    if turn < 0:
        return turn == -1
    return (turn + 1) * wanted // turns > turn * wanted // turns


def _blocks(laps: Iterable[tuple[int, Lap]], turns: int, blocks: int) -> list[Block]:
    sums: dict[int, list[Lap]] = {}
    for turn, lap in laps:
        sums.setdefault(turn * blocks // turns, []).append(lap)
    return [
        Block(
            events=sum(lap.events for lap in each),
            seconds=sum(lap.seconds for lap in each),
            cpu_seconds=sum(lap.cpu_seconds for lap in each),
        )
        for each in sums.values()
    ]


def rate_of(repeats: Repeats, name: str) -> Spread:
    """Events per second."""
    return spread([block.rate for one in repeats for block in one[name]])


def cpu_of(repeats: Repeats, name: str) -> Spread:
    """Microseconds of the contestant's own processor time per event."""
    return spread(
        [1e6 * block.cpu_seconds / block.events for one in repeats for block in one[name]]
    )


def ratio_of(repeats: Repeats, name: str, to: str) -> Spread:
    """How many times the rate of `to`, block by block; both have to be in the same blocks."""
    return spread(
        [
            ours.rate / theirs.rate
            for one in repeats
            for ours, theirs in zip(one[name], one[to], strict=True)
        ]
    )


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles; of a single value, itself."""
    several = values if len(values) > 1 else [*values, *values]
    low, _, high = quantiles(several, n=4, method="inclusive")
    return Spread(median=median(values), low=low, high=high, of=len(values))
