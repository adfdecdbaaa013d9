"""Folds events into the states of their orders, so that a failing event leaves nothing behind."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from consumer.arrivals import Arrival
from consumer.order import Failure, Reason
from consumer.projection import BadProjection, Projection, Rejected, UnknownType, called
from contract import parse_event

Load = Callable[[list[str]], Mapping[str, Any]]


class Fold:
    """The states of one transaction's orders while their events are decided."""

    def __init__(self, projection: Projection[Any], states: Mapping[str, Any]) -> None:
        self._projection = projection
        self._states = dict(states)
        self._applied: dict[str, list[Arrival]] = {}
        self._spoiled: set[str] = set()

    def apply(self, arrival: Arrival) -> Failure | None:
        """Let the projection apply a readable event; None if it did, else whose fault it is.

        `MemoryError` is not caught: what runs out of memory may well not be this event's doing.
        """
        event = arrival.event
        if event is None:
            return Failure(Reason.UNREADABLE, arrival.problem)
        order_id = event.order_id
        try:
            state = self._projection.apply(self._states.get(order_id), event)
        except Rejected as error:
            self._spoiled.add(order_id)
            reason = Reason.UNKNOWN_TYPE if isinstance(error, UnknownType) else Reason.REJECTED
            return Failure(reason, str(error) or "the projection gave no reason")
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - the projection is the user's: anything may come
            self._spoiled.add(order_id)
            return Failure(Reason.FAILED, f"{type(error).__name__}: {error}")
        if state is None:
            raise BadProjection(
                f"{called(self._projection)}.apply returned None for {event.type!r}: "
                "it has to return the order's state"
            )
        self._states[order_id] = state
        self._applied.setdefault(order_id, []).append(arrival)
        return None

    def changed(self, load: Load) -> dict[str, Any]:
        """The states to save, sorted by order ID.

        An order whose `apply` raised may hold half an event, since a projection may change the
        state it is given: such orders are loaded again and folded up to the event before, each
        event decoded afresh.
        """
        again = sorted(self._spoiled & self._applied.keys())
        if again:
            self._states.update(dict.fromkeys(again))
            self._states.update(load(again))
            for order_id in again:
                self._refold(order_id, self._applied[order_id])
        return {order_id: self._states[order_id] for order_id in sorted(self._applied)}

    def _refold(self, order_id: str, arrivals: Iterable[Arrival]) -> None:
        state = self._states[order_id]
        for arrival in arrivals:
            try:
                state = self._projection.apply(state, parse_event(arrival.raw))
            except Exception as error:
                raise BadProjection(
                    f"{called(self._projection)}.apply raised for an event that it had "
                    f"just applied, order {order_id!r} at {arrival.position}: "
                    f"{type(error).__name__}"
                ) from error
        self._states[order_id] = state
