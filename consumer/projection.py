"""The projection: the business write that the user replaces.

    class Shipments:
        def load(self, cursor, order_ids):        # set-based: one query for the whole batch
            cursor.execute("select …", …)
            return {order_id: state, …}           # orders that are not there are left out

        def apply(self, state, event):            # pure: no database, no clock, no globals
            if event.type not in KNOWN:
                raise UnknownType(f"unknown type {event.type}")
            return new_state                      # `state` is None for an order not seen yet

        def save(self, cursor, states):           # set-based: one upsert for the whole batch
            cursor.executemany("insert … on conflict …", …)

`load` and `save` run inside the batch's transaction, on its cursor: they must not commit, and must
write nothing but rows of the orders given (rows shared between orders can deadlock two batches).
A call that lasts `PROJECTION_SECONDS` and asks more than a thousand questions is taken for a loop
that never ends where a killer is looked for (`consumer.overrun`).
`apply` may change the state it is given and return it. `Rejected` parks the event with its reason,
and the later events of its order behind it; so does any other exception out of `apply`.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from psycopg import Cursor

from contract import Event, InorderError

S = TypeVar("S")


class Rejected(Exception):
    """The event cannot be true for this order; the message is what an operator will read."""


class UnknownType(Rejected):
    """The projection knows no event of this type; the next version of the code may."""


class BadProjection(InorderError):
    """The projection breaks its protocol, which no event is to blame for."""


class Projection(Protocol[S]):
    """State of an order, loaded, changed event by event, and saved, in one transaction."""

    def load(self, cursor: Cursor[Any], order_ids: Sequence[str], /) -> Mapping[str, S]:
        """The states of these orders, new objects at every call."""
        ...

    def apply(self, state: S | None, event: Event, /) -> S:
        """The state after this event; raises `Rejected` if it cannot be."""
        ...

    def save(self, cursor: Cursor[Any], states: Mapping[str, S], /) -> None:
        """Write the states, in the order of the keys given (sorted, so that batches queue up)."""
        ...


def called(projection: Projection[Any]) -> str:
    """The name of a projection's class, also where something stands in between."""
    name: str = getattr(projection, "called", type(projection).__name__)
    return name


def find(name: str) -> Projection[Any]:
    """The projection named `package.module:Name`: an object, or a class to make one of.

    Raises `BadProjection` saying what is missing.
    """
    module_name, _, attribute = name.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module_name), attribute)
        made: Any = found() if isinstance(found, type) else found
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise BadProjection(
            f"no projection {name!r} (expected package.module:Name): {error}"
        ) from error
    for method in ("load", "apply", "save"):
        if not callable(getattr(made, method, None)):
            raise BadProjection(f"projection {name!r} has no method {method}()")
    projection: Projection[Any] = made
    return projection
