"""What is known of the database's throughput, level by level, and where to look next.

A *level* is how many batches may run at once: shards times the parallelization factor. Throughput
over levels has one hill: it rises while the database has something to spare, and falls once its
clients wait for one another (the universal scalability law). So the search for its top keeps a
bracket: the best level known, the nearest known one below and the nearest above. While a side is
missing it steps out there, while a gap is wide it halves it, and a tight bracket is left alone but
for a look at a neighbour now and then.

Two habits make that sturdy under noise. The *smallest* level within a few hundredths of the most is
the best one: what does no more work is not worth the load. And levels are remembered relative to
one another: when the level in use does 5 % more because events got smaller, all others are taken to
do so too, so that a slow drift is never mistaken for a difference between levels.
"""

from collections.abc import Iterable, Sequence

import msgspec

WORTH = 0.02
"""The share of throughput that a higher level has to add to be better."""

CLEAR = 0.10
"""A difference of throughput that one minute is proof enough of."""

NEAR = 0.15
"""A neighbour that does so much less is not worth another look while nothing changes."""

_LEAST_ALPHA = 0.25
_ESTABLISHED = 3


class Level(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What was measured at one level: events a second, milliseconds of the database per event, the
    mean number of invocations at work, over how many minutes, the last of them when.
    """

    concurrency: int
    throughput: float
    service_ms: float
    busy: float
    minutes: int
    at: float


class Levels(msgspec.Struct, frozen=True):
    """The levels known of the database as it is now, by rising concurrency."""

    known: tuple[Level, ...] = ()

    def get(self, concurrency: int) -> Level | None:
        return next((level for level in self.known if level.concurrency == concurrency), None)

    def near(self, concurrency: int) -> Level | None:
        """The known level that is nearest, the lower of two."""
        return min(self.known, key=lambda k: abs(k.concurrency - concurrency), default=None)

    @property
    def best(self) -> Level | None:
        """The smallest level that does nearly the most."""
        most = max((level.throughput for level in self.known), default=0.0)
        return next((lev for lev in self.known if lev.throughput >= (1 - WORTH) * most), None)

    def learn(self, seen: Level) -> "Levels":
        """With one more minute at a level; the others move along once it is well known."""
        old = self.get(seen.concurrency)
        if old is None:
            return Levels(_sorted((*self.known, seen)))
        alpha = max(1 / (old.minutes + 1), _LEAST_ALPHA)
        new = Level(
            concurrency=old.concurrency,
            throughput=_mix(old.throughput, seen.throughput, alpha),
            service_ms=_mix(old.service_ms, seen.service_ms, alpha),
            busy=_mix(old.busy, seen.busy, alpha),
            minutes=old.minutes + 1,
            at=seen.at,
        )
        drift = new.throughput / old.throughput if old.minutes >= _ESTABLISHED else 1.0
        return Levels(_sorted(new if k is old else _scaled(k, drift) for k in self.known))


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go, and why. `looks`: only to see whether a neighbour has changed."""

    to: int
    why: str
    looks: bool = False


class Terrain(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds a move: the levels there are, rising; why none above is to be tried in `veto`,
    why none at all in `rest`; `far`: whether the database is so quick that the next level up may be
    twice this one; `due`: whether it is time to look at a neighbour again.
    """

    steps: Sequence[int]
    veto: str = ""
    rest: str = ""
    far: bool = False
    due: bool = False


def next_move(levels: Levels, here: int, terrain: Terrain) -> Move:
    """Where to be in the next period, under a backlog; `here` is one of the steps and known."""
    current, best = levels.get(here), levels.best
    if current is None or best is None:
        return Move(to=here, why="nothing is known of this level yet")
    if _is_open(current, best, levels):
        return Move(to=here, why=f"{_rate(current)}: one more minute here, to be sure")
    if best is not current:
        return Move(to=best.concurrency, why=f"{_rate(best)}, {_rate(current)}")
    if terrain.rest:
        return Move(to=here, why=f"{_rate(best)}; trying nothing: {terrain.rest}")
    return _explore(levels, best, terrain)


def _is_open(current: Level, best: Level, levels: Levels) -> bool:
    """Whether one minute is not enough to tell this level from the others. A higher level that did
    no more is left without asking twice: it does no harm to ask again later.
    """
    rivals = [k.throughput for k in levels.known if k is not current]
    if current.minutes >= 2 or not rivals:  # noqa: PLR2004 - a second minute
        return False
    if current is not best and current.concurrency > best.concurrency:
        return False
    return abs(current.throughput / max(rivals) - 1) < CLEAR


def _explore(levels: Levels, best: Level, terrain: Terrain) -> Move:
    steps, here = terrain.steps, best.concurrency
    place = steps.index(here)
    below = max((k for k in levels.known if k.concurrency < here), key=_place, default=None)
    above = min((k for k in levels.known if k.concurrency > here), key=_place, default=None)
    if not terrain.veto and (up := _upwards(steps, place, above, far=terrain.far)) is not None:
        return Move(to=steps[up], why=f"trying {steps[up]}: {_rate(best)}, there is a backlog")
    if (down := _downwards(steps, place, below)) is not None:
        return Move(to=steps[down], why=f"trying {steps[down]}: it may do as much as {here}")
    worth = (1 - NEAR) * best.throughput
    neighbours = [k for k in (above, below) if k is not None and k.throughput >= worth]
    if terrain.veto:
        neighbours = [k for k in neighbours if k.concurrency < here]
    if terrain.due and neighbours:
        to = min(neighbours, key=lambda k: k.at).concurrency
        return Move(to=to, why=f"looking whether {to} still does less than {here}", looks=True)
    why = f"{_rate(best)}, and no neighbour does more"
    return Move(to=here, why=f"{why}; not rising: {terrain.veto}" if terrain.veto else why)


def _upwards(steps: Sequence[int], place: int, above: Level | None, *, far: bool) -> int | None:
    """The index of the step above that nothing is known of and that is worth a try."""
    if above is None or above.concurrency not in steps:
        top = len(steps) - 1
        wanted = max((i for i, s in enumerate(steps) if s <= 2 * steps[place]), default=place)
        up = max(wanted, place + 1) if far else place + 1
        return min(up, top) if place < top else None
    gap = steps.index(above.concurrency)
    return (place + gap) // 2 if gap - place > 1 else None


def _downwards(steps: Sequence[int], place: int, below: Level | None) -> int | None:
    if below is None or below.concurrency not in steps:
        return place - 1 if place > 0 else None
    gap = steps.index(below.concurrency)
    return (place + gap + 1) // 2 if place - gap > 1 else None


def _place(level: Level) -> int:
    return level.concurrency


def _sorted(levels: Iterable[Level]) -> tuple[Level, ...]:
    return tuple(sorted(levels, key=_place))


def _mix(old: float, new: float, alpha: float) -> float:
    return (1 - alpha) * old + alpha * new


def _scaled(level: Level, by: float) -> Level:
    return msgspec.structs.replace(
        level, throughput=level.throughput * by, service_ms=level.service_ms / by
    )


def _rate(level: Level) -> str:
    return f"{level.concurrency} does {level.throughput:,.0f} events/s"
