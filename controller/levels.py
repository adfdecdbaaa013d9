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

WORTH = 0.01
"""The share of throughput that a higher level has to add to be better."""

CLEAR = 0.10
"""A difference of throughput that one minute is proof enough of."""

NEAR = 0.10
"""A neighbour that does so much less is not worth another look while nothing changes."""

_MUCH = 2
"""Steps above the lowest from which on a first level may well be too much."""

_FAR_DOWN = 0.3
"""How far down then, of the steps."""

_LEAST_ALPHA, _LOOKED_ALPHA = 0.25, 0.5
_ESTABLISHED = 3


class Level(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What was measured at one level: events a second, milliseconds of the database per event, the
    mean number of invocations at work, over how many minutes, the last of them when. No minutes: it
    is a guess, from a period that was only in part what it stands for. `usual_ms` is what the
    database took per event when the level was found, or less: it does not follow what gets slowly
    worse.
    """

    concurrency: int
    throughput: float
    service_ms: float
    busy: float
    minutes: int
    at: float
    usual_ms: float


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

    @property
    def are_established(self) -> bool:
        """Whether the best of them was measured often enough to be it."""
        best = self.best
        return best is not None and best.minutes >= _ESTABLISHED

    def expected(self, concurrency: int) -> float | None:
        """The most that a level can do as long as the database is what it was: what it did, else
        what the best one does, and in proportion where it is higher.
        """
        known, best = self.get(concurrency), self.best
        if known is not None or best is None:
            return None if known is None else known.throughput
        return best.throughput * max(1.0, concurrency / best.concurrency)

    def within(self, steps: Sequence[int], lasts: float) -> "Levels":
        """Those that are still steps, and were measured no longer than `lasts` seconds before the
        newest: a minute that went badly for another reason must not stand for ever.
        """
        newest = max((level.at for level in self.known), default=0.0)
        kept = (k for k in self.known if k.concurrency in steps and newest - k.at <= lasts)
        return Levels(tuple(kept))

    def learn(self, seen: Level, since: float) -> "Levels":
        """With one more minute at a level. The others move along once it is well known, but for one
        that was not measured since then: what is different there may be different only there.
        """
        old = self.get(seen.concurrency)
        if old is None:
            return Levels(_sorted((*self.known, seen)))
        looked = old.at < since
        alpha = max(1 / (old.minutes + 1), _LOOKED_ALPHA if looked else _LEAST_ALPHA)
        service = _mix(old.service_ms, seen.service_ms, alpha)
        is_new = old.minutes < _ESTABLISHED
        new = Level(
            concurrency=old.concurrency,
            throughput=_mix(old.throughput, seen.throughput, alpha),
            service_ms=service,
            busy=_mix(old.busy, seen.busy, alpha),
            minutes=old.minutes + 1,
            at=seen.at,
            usual_ms=service if is_new else min(old.usual_ms, service),
        )
        drift = 1.0 if is_new or looked else new.throughput / old.throughput
        return Levels(_sorted(new if k is old else _scaled(k, drift) for k in self.known))


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go, and why. `looks`: only to see whether a neighbour has changed. `lowers`: down
    from what somebody else had set. `rests`: here, for all there is to know is known.
    """

    to: int
    why: str
    looks: bool = False
    lowers: bool = False
    rests: bool = False


class Terrain(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds a move: the levels there are, rising; why none above that nothing is known of is
    to be tried in `veto`, why none at all in `rest`; `far`: up to which level the next one up may
    be further than a step; `wary`: nothing was ever proven, so begin downwards; `lowering`: that
    was begun; `quick`: rows take hardly longer than their least time; `due`: whether it is time to
    look at a neighbour again; `drift`: by which share the best level does more or less than when
    that was done last, 0 while it is about the same.
    """

    steps: Sequence[int]
    veto: str = ""
    rest: str = ""
    far: int = 0
    wary: bool = False
    lowering: bool = False
    quick: bool = False
    due: bool = False
    drift: float = 0.0


def next_move(levels: Levels, here: int, terrain: Terrain) -> Move:
    """Where to be in the next period, under a backlog; `here` is one of the steps and known."""
    current, best = levels.get(here), levels.best
    if current is None or best is None:
        return Move(to=here, why="nothing is known of this level yet")
    steps = terrain.steps
    gap = steps[steps.index(here) : steps.index(best.concurrency)]
    if terrain.lowering and len(gap) > 1:
        to = gap[len(gap) // 2]
        return Move(to=to, why=f"trying {to}: {_rate(best)}, {_rate(current)}")
    if _is_open(current, best, levels, steps):
        return Move(to=here, why=f"{_rate(current)}: one more minute here, to be sure")
    if best is not current:
        return Move(to=best.concurrency, why=f"{_rate(best)}, {_rate(current)}")
    if terrain.rest:
        return Move(to=here, why=f"{_rate(best)}; trying nothing: {terrain.rest}")
    return _explore(levels, best, terrain)


def _is_open(current: Level, best: Level, levels: Levels, steps: Sequence[int]) -> bool:
    """Whether one minute is not enough to tell this level from the others. A higher level that did
    no more is left without asking twice: it does no harm to ask again later. Nor does it matter
    which of two is better that have untried ones between them.
    """
    rivals = [k for k in levels.known if k is not current and k.concurrency in steps]
    if current.minutes >= 2 or not rivals:  # noqa: PLR2004 - a second minute
        return False
    if current is not best and current.concurrency > best.concurrency:
        return False
    rival = max(rivals, key=lambda k: k.throughput)
    are_neighbours = abs(steps.index(rival.concurrency) - steps.index(current.concurrency)) == 1
    return are_neighbours and abs(current.throughput / rival.throughput - 1) < CLEAR


def _explore(levels: Levels, best: Level, terrain: Terrain) -> Move:
    steps, here = terrain.steps, best.concurrency
    place = steps.index(here)
    sure = [k for k in levels.known if k.minutes > 0]
    below = max((k for k in sure if k.concurrency < here), key=_place, default=None)
    above = min((k for k in sure if k.concurrency > here), key=_place, default=None)
    if terrain.wary and below is None and (low := _lower(place, best, above, terrain)) is not None:
        why = f"trying {steps[low]}: nothing lower is known yet"
        return Move(to=steps[low], why=why, lowers=True)
    down = _downwards(steps, place, below)
    if terrain.lowering and below is not None and down is not None:
        return Move(to=steps[down], why=f"trying {steps[down]}: {_rate(best)}, {_rate(below)}")
    if not terrain.veto and (up := _upwards(steps, place, above, far=terrain.far)) is not None:
        return Move(to=steps[up], why=f"trying {steps[up]}: {_rate(best)}, there is a backlog")
    if down is not None:
        return Move(to=steps[down], why=f"trying {steps[down]}: it may do as much as {here}")
    if (to := _neighbour(below, above, best, terrain)) is not None:
        return Move(to=to, why=f"looking whether {to} still does less than {here}", looks=True)
    why = f"{_rate(best)}, and no neighbour does more"
    why = f"{why}; not rising: {terrain.veto}" if terrain.veto else why
    return Move(to=here, why=why, rests=True)


def _lower(place: int, best: Level, above: Level | None, terrain: Terrain) -> int | None:
    """Where to look first if somebody else has set much, which may be far too much, and next if
    less did clearly more. With a full processor or pool as low as it goes: the way up is quick.
    """
    is_much = place >= _MUCH if above is None else best.throughput > (1 + CLEAR) * above.throughput
    if not is_much or place == 0:
        return None
    return 0 if terrain.veto else int(_FAR_DOWN * place)


def _neighbour(
    below: Level | None, above: Level | None, best: Level, terrain: Terrain
) -> int | None:
    """The neighbour to look at again, if it is time: one that did hardly less. Once the best level
    does clearly less than before, its top has moved down, else up. While rows are quick, also by
    what they take at a lower level, this is not the top, whatever was measured above: by the
    scalability law a row takes twice its least time there.
    """
    moved = above if terrain.drift > 0 else below
    if terrain.drift and moved is not None:
        return moved.concurrency
    worth = (1 - NEAR) * best.throughput
    near = [k for k in (above, below) if k is not None and k.throughput >= worth]
    if above is not None and below is not None and terrain.quick:
        near = [above]
    return min(near, key=lambda k: k.at).concurrency if terrain.due and near else None


def _upwards(steps: Sequence[int], place: int, above: Level | None, *, far: int) -> int | None:
    """The index of the step above that nothing is known of and that is worth a try."""
    if above is None or above.concurrency not in steps:
        top = len(steps) - 1
        wanted = max((i for i, s in enumerate(steps) if s <= far), default=place)
        return min(max(wanted, place + 1), top) if place < top else None
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
