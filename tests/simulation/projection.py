"""The projection of the simulation: the trail of every order, and trouble on demand.

Its state is the list of what was applied, so that the checker can hold it against the ledger. It
does what the types of events tell it to; some variants change the state they were given.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg import errors

from consumer.projection import Rejected
from contract import Event
from tests.simulation.database.statement import Catalogue, Parameters, Rows, Statement
from tests.simulation.database.transaction import Transaction

LOAD = "select the trails of these orders"
SAVE = "write the trails of these orders"


class Trails:
    """Records what was applied. `die` and `hang` end the process that runs it, or its time."""

    def __init__(self, *, mutates: bool, die: Callable[[], None], hang: Callable[[], None]) -> None:
        self._mutates = mutates
        self._die = die
        self._hang = hang

    def load(self, cursor: Any, order_ids: Sequence[str]) -> Mapping[str, list[str]]:
        rows = cursor.execute(LOAD, {"order_ids": order_ids}).fetchall()
        for order_id, trail in rows:
            if "curse" in trail:
                raise ValueError(f"the row of {order_id} cannot be read")
        return {order_id: list(trail) for order_id, trail in rows}

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        trail = state if state is not None and self._mutates else list(state or ())
        token = event.data["n"]
        match event.type:
            case "refuse":
                raise Rejected("it cannot be")
            case "break":
                trail.append(token)
                raise RuntimeError("broken in the middle")
            case "kill":
                self._die()
            case "hang":
                self._hang()
            case "spoil" | "curse":
                trail.append(event.type)
        trail.append(token)
        return trail

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        if any("spoil" in trail for trail in states.values()):
            raise errors.NumericValueOutOfRange("integer out of range")
        cursor.execute(SAVE, {"states": {order: tuple(trail) for order, trail in states.items()}})


class Healed(Trails):
    """A version of the code under which every event can be applied."""

    def load(self, cursor: Any, order_ids: Sequence[str]) -> Mapping[str, list[str]]:
        rows = cursor.execute(LOAD, {"order_ids": order_ids}).fetchall()
        return {order_id: list(trail) for order_id, trail in rows}

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        return [*(state or ()), event.data["n"]]


class FailsEverything(Trails):
    """A bad deploy: whatever comes, it raises."""

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        raise TypeError("this version was never tested")


class Heard:
    """A projection of which somebody hears what it is about to run."""

    def __init__(self, projection: Trails, runs: Callable[[Event], None]) -> None:
        self._projection = projection
        self._runs = runs

    def load(self, cursor: Any, order_ids: Sequence[str]) -> Mapping[str, list[str]]:
        return self._projection.load(cursor, order_ids)

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        self._runs(event)
        return self._projection.apply(state, event)

    def save(self, cursor: Any, states: Mapping[str, Any]) -> None:
        self._projection.save(cursor, states)


def statements() -> Catalogue:
    """What the projection's statements do."""
    return {LOAD: (_load, Statement("load", LOAD)), SAVE: (_save, Statement("save", SAVE))}


def _load(_: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    rows = ((order_id, transaction.get("trail", order_id)) for order_id in parameters["order_ids"])
    return [(order_id, row["all"]) for order_id, row in rows if row is not None]


def _save(_: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    for order_id, trail in parameters["states"].items():
        row = {"all": trail, "trail": tuple(t for t in trail if t not in ("spoil", "curse"))}
        if not transaction.insert("trail", order_id, row):
            transaction.update("trail", order_id, row)
    return []
