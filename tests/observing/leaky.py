"""A projection that fails in every way it can, and each time quotes the event it was given."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from consumer.projection import Rejected, UnknownType
from contract import Event
from tests.consuming.journal import Journal

CANARY = "canary-4711-pays-with-a-card"


def _exit(text: str) -> None:
    sys.stdout.flush()
    os._exit(9)


def _raise(error: type[BaseException]) -> Any:
    def fail(text: str) -> None:
        raise error(text)

    return fail


IN_APPLY: dict[str, Any] = {
    "rejected": _raise(Rejected),
    "unknown": _raise(UnknownType),
    "fails": _raise(RuntimeError),
    "os_error": _raise(OSError),
    "out_of_memory": _raise(MemoryError),
    "quits": _raise(SystemExit),
    "dies": _exit,
}
STATEMENTS = {
    "save_value": "select %s::integer",
    "save_refused": "insert into journal values (%s, null)",
    "save_raises": "select pg_temp.complain(%s)",
    "save_writes_nowhere": "insert into nowhere values (%s)",
}
COMPLAIN = (
    "create or replace function pg_temp.complain(text) returns void language plpgsql "
    "as $$ begin raise exception 'not %%', $1; end $$"
)
IN_SAVE = (*STATEMENTS, "save_value_error", "save_unknown_value")
WAYS = (*IN_APPLY, *IN_SAVE, "gives_nothing", "load_fails", "changes_its_mind")


class Leaky(Journal):
    """An event's type says how it fails."""

    def __init__(self) -> None:
        self._met: set[str] = set()

    def load(self, cursor: Any, order_ids: Sequence[str]) -> dict[str, list[str]]:
        if "load_fails" in order_ids:
            raise KeyError(CANARY)
        return super().load(cursor, order_ids)

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        text = str(event.data.get("note"))
        if event.type in IN_APPLY:
            IN_APPLY[event.type](text)
        if event.type == "gives_nothing":
            return None  # type: ignore[return-value] # on purpose
        if event.type == "changes_its_mind":
            if str(event.id) in self._met:
                raise RuntimeError(text)
            self._met.add(str(event.id))
        return [*(state or []), f"{event.type}:{text}"]

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        for seen in states.values():
            way, _, text = seen[-1].partition(":")
            if way == "save_raises":
                cursor.execute(COMPLAIN)
            if way in STATEMENTS:
                cursor.execute(STATEMENTS[way], [text])
            if way == "save_value_error":
                raise ValueError(text)
            if way == "save_unknown_value":
                cursor.execute("select %s", [{text}])
        super().save(cursor, states)
