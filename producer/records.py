"""What travels: an event that waits, a record made of such events, a request made of records."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self, TypeAlias
from uuid import UUID

import msgspec

from contract.keys import StreamKey
from producer.outcomes import Failure, Unanswered

Ticket: TypeAlias = Any
"""What the shell wants back with an event's result (a future); the decisions never look at it."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event that was offered and has no result yet."""

    event_id: UUID
    order_id: str
    payload: bytes
    """The event's JSON, as it was given: what is sent again is what was sent."""
    deadline: float
    ticket: Ticket


def payload_bytes(events: Iterable[Outgoing]) -> int:
    """The length of all their JSON."""
    return sum([len(event.payload) for event in events])


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One Kinesis record: events of one partition key, frozen together until they are resolved.

    Its bytes are a function of its events (`producer.aggregation`), so every attempt is the same.
    """

    key: StreamKey
    events: tuple[Outgoing, ...]
    size: int
    """Bytes that count against Kinesis's limits, the partition key included; never too low."""
    payload_bytes: int
    """Of its events' JSON alone."""
    deadline: float
    attempts: int = 0
    unknown: bool = False
    """An attempt went unanswered, so this may land later. Never turns false again."""
    code: str = "Deadline"
    detail: str = "its deadline passed before it could be sent"

    def after(self, failure: Failure) -> Self:
        """The same record, one failed attempt older."""
        return msgspec.structs.replace(
            self,
            attempts=self.attempts + 1,
            unknown=self.unknown or isinstance(failure, Unanswered),
            code=failure.code,
            detail=failure.detail,
        )

    def again(self, *, deadline: float, new_ticket: Callable[[], Ticket]) -> Self:
        """The same bytes, to be tried anew: what an unknown record becomes by `resume`."""
        renew = msgspec.structs.replace
        events = tuple(renew(e, deadline=deadline, ticket=new_ticket()) for e in self.events)
        return renew(self, events=events, deadline=deadline, attempts=0)

    def orders(self) -> Iterator[str]:
        """The orders in it, each once, in the order of their first events."""
        return iter(dict.fromkeys(event.order_id for event in self.events))


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one PutRecords call is to carry: at most one record per partition key."""

    records: tuple[Record, ...]
