"""Streams of every kind of trouble, cut into batches that come again, for hypothesis to draw."""

from typing import NamedTuple

from hypothesis import strategies as st

from contract import Event, encode_event
from tests.consuming.events import REFUSED, make_event

ORDERS = {"A": True, "B": False, "C": True, "ü": False}
"""The orders, and whether their events carry versions."""

GARBAGE = b"no event"


class Sent(NamedTuple):
    """A record: where it stands on the stream, its partition key, and what is in it."""

    position: int
    order_id: str
    event: Event | None

    @property
    def raw(self) -> bytes:
        return GARBAGE if self.event is None else encode_event(self.event)


def _event(order_id: str, what: str, number: int, known: int) -> Event | None:
    versioned = ORDERS[order_id]
    version = number if versioned else None
    made = {
        "plain": {"name": number},
        "again": {"name": number},
        # A content of its own: where the number is known already, a conflict.
        "refused": {"name": number, "type": REFUSED},
        "resent": {"name": ("again", number) if versioned else number},
        "same id": {"name": number, "other": "content"},
        "same version": {"name": ("other", number), "other": "content"},
        "wrong kind": {"name": ("odd", number)},
        "known id": {"name": known},
    }
    if what == "garbage":
        return None
    if what == "wrong kind":
        version = None if versioned else number
    return make_event(version, order_id=order_id, **made[what])


_AGAIN = ("again", "resent", "same id", "same version")
"""What is said of an event that was sent before."""

_WHATS = st.sampled_from(
    ["plain"] * 24
    + ["again"] * 3
    + ["resent"] * 2
    + ["refused", "same id", "same version", "wrong kind", "garbage", "known id", "known id"]
)


@st.composite
def streams(draw: st.DrawFn, *, most: int = 40) -> list[Sent]:
    """Records of some orders: mostly the next event of an order, or one that runs ahead and is
    followed by those it passed; and every kind of trouble.
    """
    unsent = {order_id: list(range(1, most + 4)) for order_id in ORDERS}
    sent: dict[str, list[int]] = {order_id: [] for order_id in ORDERS}
    stream: list[Sent] = []
    for place in range(draw(st.integers(1, most))):
        order_id = draw(st.sampled_from(list(ORDERS)))
        what = draw(_WHATS)
        if what in _AGAIN and sent[order_id]:
            number = draw(st.sampled_from(sent[order_id]))
        else:
            ahead = draw(st.sampled_from([0] * 4 + [1, 2, 2, 3]))
            number = unsent[order_id].pop(ahead)
            sent[order_id].append(number)
        known = draw(st.sampled_from(sent[order_id])) if what == "known id" else number
        late = draw(st.sampled_from([0] * 16 + [25, 42]))  # written earlier, read only now
        stream.append(
            Sent(10 * (place + 10) - late, order_id, _event(order_id, what, number, known))
        )
    return stream


@st.composite
def deliveries(draw: st.DrawFn, stream: list[Sent]) -> list[list[Sent]]:
    """The stream in batches; between them, parts of what was delivered come again."""
    batches: list[list[Sent]] = []
    done = 0
    while done < len(stream):
        size = draw(st.integers(1, 25))
        batches.append(stream[done : done + size])
        done = min(len(stream), done + size)
        if draw(st.booleans()):
            first = draw(st.integers(0, done - 1))
            last = draw(st.integers(first + 1, done))
            batches.append(stream[first:last])
    return batches
