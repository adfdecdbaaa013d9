"""An operator, who decides about what waits: the real `ops.deciding`, and a redrive after it."""

from typing import TYPE_CHECKING, Any

import psycopg

from contract import InorderError
from ops import deciding
from ops.deciding import Reasoned

if TYPE_CHECKING:
    from consumer.database import Database
    from tests.simulation.world import World

_REASONED = Reasoned(who="the operator of the simulation", because="it was drawn")
_TRIED_AGAIN = ("rejected", "failed", "data_error", "killer")


class Choice:
    """What to decide, by the tables as they are and a number from 0 to 1."""

    def __init__(self, world: "World", chance: float) -> None:
        tables = world.server.tables
        self._checker = world.checker
        blockers = [row for row in tables.table("lot").values() if row["kind"] == "blocker"]
        gaps = [key for key, head in tables.table("head").items() if head["state"] == "gap"]
        choices: list[Any] = [*blockers, *gaps]
        self.what: Any = choices[int(chance * len(choices))] if choices else None
        self._edits = chance * 100 % 1 < 0.3
        lot = tables.table("lot").values()
        ahead = [r["version"] for r in lot if r["order_id"] == self.what and r["version"]]
        self._up_to = min(ahead, default=1) - 1

    def __str__(self) -> str:
        if isinstance(self.what, dict):
            return f"entry {self.what['entry_id']} of {self.what['order_id']}"
        return f"gap of {self.what} up to {self._up_to}"

    def carry_out(self, database: "Database") -> str | None:
        """The order to be redriven then, None if nothing could be decided."""
        try:
            if isinstance(self.what, dict):
                return self._about_an_entry(database, self.what)
            if self.what is not None:
                self._checker.means("close_gap", (self.what, self._up_to), {})
                deciding.close_gap(database, self.what, self._up_to, _REASONED)
        except (InorderError, psycopg.Error):
            return None
        return str(self.what) if self.what is not None else None

    def _about_an_entry(self, database: "Database", row: dict[str, Any]) -> str | None:
        if self._edits and row["reason"] in _TRIED_AGAIN:
            self._checker.means("edit", row["entry_id"], row)
            deciding.edit(database, row["entry_id"], None, _REASONED)
        else:
            self._checker.means("skip", row["entry_id"], row)
            deciding.skip(database, row["entry_id"], _REASONED)
        order_id: str | None = row["order_id"]
        return order_id
