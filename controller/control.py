"""One turn of the loop: observe, decide, remember, actuate. A shell around `policy`."""

from typing import Any, NamedTuple, Protocol

import msgspec

from controller.bounds import Bounds
from controller.hand import Hand
from controller.mapping import change
from controller.observation import Mapping, Minute, Observation
from controller.policy import Decision, decide
from controller.state import State


class Around(NamedTuple):
    """What is observed besides what is remembered; `hand` is None where it cannot be read."""

    minutes: tuple[Minute, ...]
    mapping: Mapping
    shards: int
    retention: float
    hand: Hand | None


class World(Protocol):
    """The controller's ends: AWS in the Lambda function, one machine's parts in `local`."""

    def remembered(self) -> State:
        """The state of the last turn."""
        ...

    def observe(self) -> Around:
        """What is to be seen now."""
        ...

    def remember(self, state: State) -> None:
        """Keep the state; raises `NotAlone` if another turn has kept one meanwhile."""
        ...

    def actuate(self, change: dict[str, Any]) -> None:
        """Change the mapping; raises `NotActuated`."""
        ...


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn came to: the decision, and the update that was asked for, {} for none."""

    decision: Decision
    seen: Observation
    change: dict[str, Any]


def turn(world: World, bounds: Bounds, now: float) -> Turn:
    """Make one decision at `now` and carry it out, unless it is a dry run.

    The state is kept first: whoever finds that another turn has kept one meanwhile does not act.
    Raises what the world raises.
    """
    state = world.remembered()
    around = world.observe()
    seen = Observation(
        at=now,
        minutes=around.minutes,
        mapping=around.mapping,
        shards=around.shards,
        retention=around.retention,
        hand=around.hand,
    )
    decision = decide(state, seen, bounds)
    wanted = decision.wanted
    asked = {} if wanted is None else change(wanted, around.mapping)
    world.remember(decision.state)
    if asked and bounds.acts:
        world.actuate(asked)
    return Turn(decision=decision, seen=seen, change=asked)
