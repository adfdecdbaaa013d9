"""A projection with a bug in one type of event."""

from contract import Event
from tests.consuming.setwise import Setwise


class Buggy(Setwise):
    """A journal that fails unexpectedly for events of type `bug`."""

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        if event.type == "bug":
            raise KeyError("a field that nobody expected to be missing")
        return super().apply(state, event)
