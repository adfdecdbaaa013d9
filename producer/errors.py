"""What can go wrong between `send` and a receipt.

The caller's one question after a failure is whether the event may still arrive. So each way an
event can fail is a class of its own, and the classes answer it:

| class | the event |
|---|---|
| `NotSent` | is not on the stream and will not get there by itself |
| `KeyPaused`, a `NotSent` | was never tried: an earlier event of its order failed |
| `Unknown` | may be on the stream, or land there later |
| `OutOfOrder` | is on the stream, before an event that was sent earlier |

After every one of them the order is paused until `resume`.
"""

from typing import ClassVar
from uuid import UUID

from contract import InorderError


class SendError(InorderError):
    """One event has no receipt; `code` is what Kinesis or the network said, `detail` its words."""

    verdict: ClassVar[str] = "has no receipt"

    def __init__(self, *, event_id: UUID, order_id: str, code: str, detail: str) -> None:
        super().__init__(f"event {event_id} of order {order_id!r} {self.verdict}: {code}: {detail}")
        self.event_id = event_id
        self.order_id = order_id
        self.code = code
        self.detail = detail


class NotSent(SendError):
    """The stream does not hold the event: it was refused, or no attempt was made."""

    verdict = "was not sent"


class Unknown(SendError):
    """An attempt was made and its answer is missing: the event may be on the stream, or land later.

    It has to be sent again, same id and content, before anything newer of its order. This producer
    does so after `resume`; a process that starts anew has to be given it again by its caller.
    """

    verdict = "may or may not have been sent"


class OutOfOrder(SendError):
    """The event is on the stream, but at a position before the one acknowledged before it."""

    verdict = "was sent, but behind its predecessor's back"


class KeyPaused(NotSent):
    """The event was not tried, because its order is paused; `cause` is the failure that paused it.

    `cause` is a `NotSent`, an `Unknown` or an `OutOfOrder`, and names the event that failed.
    """

    def __init__(self, *, event_id: UUID, cause: SendError) -> None:
        super().__init__(
            event_id=event_id,
            order_id=cause.order_id,
            code=cause.code,
            detail=f"its order is paused, because {cause}",
        )
        self.cause = cause


class BufferFull(InorderError):
    """The producer holds as much as it may; the event that `send` was given was not taken."""


class ProducerClosed(InorderError):
    """The producer was closed; it takes no more events."""


class StreamUnusable(InorderError):
    """The producer must not write to this stream; the message says why and what to do."""


class InvalidSetting(InorderError):
    """A setting cannot be used; the message begins with its name."""
