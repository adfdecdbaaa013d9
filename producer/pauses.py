"""The orders that are paused, why, and what they owe the stream.

Pausing is by order, holding by partition key. In `order` mode the two coincide. Where orders share
a key, only the orders with an event in the failed record are paused; the others of that key go on,
because nothing of theirs is unresolved.
"""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from producer.errors import KeyPaused, SendError
from producer.records import Outgoing, Record, Ticket


class Pauses:
    """Orders that take no events until they are resumed."""

    def __init__(self) -> None:
        self._causes: dict[str, SendError] = {}
        self._owed: dict[str, Record] = {}

    def __len__(self) -> int:
        return len(self._causes)

    def refusal(self, event_id: UUID, order_id: str) -> KeyPaused | None:
        """Why this event cannot be taken; None unless its order is paused."""
        cause = self._causes.get(order_id)
        return None if cause is None else KeyPaused(event_id=event_id, cause=cause)

    def causes(self) -> Mapping[str, SendError]:
        """Every paused order and the failure that paused it, as of now."""
        return dict(self._causes)

    def refuse(self, events: Iterable[Outgoing]) -> Iterator[tuple[Ticket, KeyPaused]]:
        """The results of events that waited behind the failure of their order."""
        for event in events:
            cause = self._causes[event.order_id]
            yield event.ticket, KeyPaused(event_id=event.event_id, cause=cause)

    def fail(
        self, record: Record, error: type[SendError], owes: Record | None
    ) -> list[tuple[Ticket, SendError]]:
        """The results of a failed record's events, each of whose orders is paused by its first.

        `owes` is the record if it may still land: it has to be sent again after `resume`.
        """
        causes: dict[str, SendError] = {}
        results: list[tuple[Ticket, SendError]] = []
        for event in record.events:
            failure = error(
                event_id=event.event_id,
                order_id=event.order_id,
                code=record.code,
                detail=record.detail,
            )
            causes.setdefault(event.order_id, failure)
            results.append((event.ticket, failure))
        self._causes.update(causes)
        if owes is not None:
            self._owed.update(dict.fromkeys(causes, owes))
        return results

    def resume(self, order_id: str) -> Record | None:
        """Let the order go on; returns the record that has to be sent again before anything newer.

        A record that several orders owe is handed out once: the key's queue has it from then on.
        """
        self._causes.pop(order_id, None)
        record = self._owed.get(order_id)
        if record is not None:
            for other in record.orders():
                self._owed.pop(other, None)
        return record
