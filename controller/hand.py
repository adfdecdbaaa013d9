"""The operator's hand: what a person ordered, as it stands in its parameter."""

import msgspec

from contract import InorderError

MOST_FACTOR = 10
"""Batches of one shard at once (CreateEventSourceMapping, `ParallelizationFactor`: 1 to 10)."""


class BadHand(InorderError):
    """What stands in the operator's parameter cannot be read; the message says where and why."""


class Hand(msgspec.Struct, frozen=True, kw_only=True):
    """`pinned` holds the parallelization factor, `paused` stops the mapping; both until taken back.

    The rest says who ordered it, why, and when (RFC 3339).
    """

    pinned: int | None = None
    paused: bool = False
    by: str = ""
    because: str = ""
    at: str = ""

    @property
    def is_idle(self) -> bool:
        """Whether the controller may do as it thinks best."""
        return self.pinned is None and not self.paused


def read(text: str) -> Hand:
    """The order in a parameter's value; raises `BadHand`."""
    try:
        found = msgspec.json.decode(text, type=Hand)
    except msgspec.DecodeError as error:
        raise BadHand(
            f"the operator's parameter holds {text[:80]!r}, which is no order ({error}): "
            "`inorder concurrency release` writes one that is"
        ) from None
    if found.pinned is not None and not 1 <= found.pinned <= MOST_FACTOR:
        raise BadHand(f"the operator pinned {found.pinned}: a factor is 1 to {MOST_FACTOR}")
    return found


def write(hand: Hand) -> str:
    """The parameter's value for an order."""
    return msgspec.json.encode(hand).decode()
