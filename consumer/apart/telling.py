"""What a process apart says: where it is, before it goes on there, and what it has committed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg import Cursor

from consumer.apart.evidence import At
from consumer.attempts import Interrupted
from consumer.overrun import Watched
from consumer.projection import Projection
from contract import Event


class Tell:
    """What the parent hears, each thing as a kind and a value."""

    def __init__(self, send: Callable[[str, Any], None]) -> None:
        self._send = send
        self._piece = At()
        self._said: At | None = None

    def at(self, piece: At) -> None:
        """From here on only this is worked on."""
        self._piece = piece
        self._here(piece)

    def nearer(self, order_id: str | None) -> None:
        """Where in a piece of many orders it is; None for all of them."""
        if self._piece.order_id is None:
            self._here(At(order_id))

    def say(self, committed: Any) -> None:
        """A transaction stands."""
        self._send("said", committed)

    def ended(self, problem: Interrupted | None) -> None:
        """The work has ended in order."""
        self._send("ended", problem)

    def _here(self, at: At) -> None:
        if at != self._said:
            self._said = at
            self._send("at", at)


class Telling(Watched):
    """A watched projection that says at which order of many it is."""

    def __init__(self, projection: Projection[Any], tell: Tell) -> None:
        super().__init__(projection)
        self._tell = tell

    def load(self, cursor: Cursor[Any], order_ids: Sequence[str]) -> Mapping[str, Any]:
        self._tell.nearer(None)
        return super().load(cursor, order_ids)

    def apply(self, state: Any, event: Event) -> Any:
        self._tell.nearer(event.order_id)
        return super().apply(state, event)

    def save(self, cursor: Cursor[Any], states: Mapping[str, Any]) -> None:
        self._tell.nearer(None)
        super().save(cursor, states)
