"""Observations made in one line each."""

from controller.bounds import Bounds
from controller.observation import Mapping, MappingState, Minute, Observation
from controller.policy import decide
from controller.state import State

SHARDS = 4
BOUNDS = Bounds(ripe=0.0, settle=0.0)
BEHIND = 60_000.0
"""An iterator age in milliseconds that is a backlog."""


def minute(at: float = 0.0, *, rate: float = 0.0, service: float = 1.0, **given) -> Minute:
    """A minute of so many events a second that took `service` milliseconds of the database each."""
    events = 60 * rate
    usual = {
        "events": events,
        "batches": events / 500,
        "busy_ms": events * service,
        "worked_ms": events * service * 1.2,
        "iterator_age_ms": 0.0 if events else None,
    }
    return Minute(at=at, **(usual | given))


def mapping(factor: int = 2, state: MappingState = MappingState.ENABLED, **given) -> Mapping:
    return Mapping(state=state, factor=factor, **({"batch_size": 500, "window": 1} | given))


def seen(at: float, *minutes: Minute, real: Mapping | None = None, **given) -> Observation:
    return Observation(
        at=at,
        minutes=minutes,
        mapping=real or mapping(),
        **({"shards": SHARDS, "retention": 604_800.0} | given),
    )


class Loop:
    """Turns one after the other against a mapping that does as it is told."""

    def __init__(self, bounds: Bounds = BOUNDS, factor: int = 2) -> None:
        self.bounds, self.state, self.real = bounds, State(), mapping(factor)
        self.at = 6_000.0
        self.minutes: list[Minute] = []
        self.last = None

    def turn(self, **given):
        """A minute passes in which this happened, then a decision is made and carried out."""
        observation = {k: given.pop(k) for k in ("shards", "retention", "hand") if k in given}
        self.minutes.append(minute(self.at, **given))
        self.at += 60.0
        view = seen(self.at, *self.minutes[-10:], real=self.real, **observation)
        self.last = decide(self.state, view, self.bounds)
        self.state = self.last.state
        if self.last.wanted is not None and self.bounds.acts:
            wanted = self.last.wanted
            self.real = Mapping(
                state=MappingState.ENABLED if wanted.enabled else MappingState.DISABLED,
                factor=wanted.factor,
                batch_size=wanted.batch_size,
                window=wanted.window,
            )
        return self.last

    @property
    def factor(self) -> int:
        return self.real.factor

    @property
    def enabled(self) -> bool:
        return self.real.state is MappingState.ENABLED


def hill(top: float, at: float = 16.0):
    """Throughput and service time per row at a level: most at `at`, falling beyond. Every slot is
    in the function 96 % of its time, and waits for the database 80 %.
    """

    def of(level: float, slots: float = 1.0):
        rate = top * 2 * (level / at) / (1 + (level / at) ** 2)
        return {"rate": rate, "service": 800 * level / rate, "iterator_age_ms": BEHIND}

    return of


def drive(loop: Loop, of, turns: int) -> list[int]:
    return [(loop.turn(**of(4 * loop.factor)), loop.factor)[1] for _ in range(turns)]
