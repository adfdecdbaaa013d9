"""What an operator's decision does to an order. Pure: no database, no clock.

    | decision                                    | what becomes of the order                     |
    |---------------------------------------------|-----------------------------------------------|
    | skip an entry whose turn it is              | its place is passed over, the head moves on   |
    | skip an entry that has no place             | it leaves the lot                             |
    | edit an entry                               | new bytes, ranked anew, tried at a redrive    |
    | close the gap up to a version               | the missing places are passed over            |
    | import a head                               | the order begins after this version           |

An entry has *no place* when nothing would ever be applied in it: a stray; an event of the wrong
kind; one that was overtaken; a version behind the head; bytes that cannot be read, in an order
with versions, unless the operator says which version they were; or one of several entries that
claim the same version, for then another one can still take it.

A place that is passed over gets a row in the ledger that says so: the ledger of an order has no
holes, whoever made them. Only the next place can be passed over. What was skipped or edited is
remembered as it came, so that it is recognised when it is delivered again. After each decision the
state follows from what is left, by the rule of the sequencer and of redrive.
"""

from collections.abc import Sequence

import msgspec

from consumer.arrivals import Arrival
from consumer.order import Failure, Head, Kind, Reason, State, Waiting
from consumer.redrive.turn import state_after
from contract import InorderError

MOST_CLOSED = 10_000
"""Places passed over by one decision. Who is further behind joins in mid-stream: a head import."""


class Refused(InorderError):
    """The decision cannot be carried out; the message says why and what to do instead."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision may rest on, read under the head's lock.

    `first` are the first two entries of the lot, `blockers` how many entries need a decision, and
    `lowest` the lowest version that waits ahead of the head. `claimed` tells whether an entry
    beside the one decided about claims the version in question. `head` is None for a stray of no
    known order.
    """

    head: Head | None
    first: tuple[Waiting, ...] = ()
    blockers: int = 0
    lowest: int | None = None
    claimed: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to write. `head` is the head afterwards, None if there is none. `passed_over` are the
    ordinals that get a `skipped` row. `removed` leaves the lot; `edited` is the entry as it will
    be. `ledger_from` is the first ordinal the ledger has to hold, where that changes.
    """

    head: Head | None
    passed_over: tuple[int, ...] = ()
    removed: Waiting | None = None
    edited: Waiting | None = None
    ledger_from: int | None = None

    @property
    def goes_on(self) -> bool:
        """Whether a redrive has something to apply or to try."""
        return self.head is not None and self.head.state is State.PARKED


def skip(situation: Situation, entry: Waiting, *, version: int | None = None) -> Decision:
    """Drop an entry; `version` says which one unreadable bytes were. Raises `Refused`."""
    head = situation.head
    if head is None or entry.kind is Kind.STRAY:
        return Decision(head=head, removed=entry)
    place = _place(head, entry, version)
    if place is not None and version is not None and situation.claimed:
        raise Refused(f"version {version} waits in the lot as an entry of its own")
    if place is None or place <= head.ordinal or situation.claimed:
        return Decision(head=_without(situation, head, entry), removed=entry)
    if place > head.ordinal + 1:
        raise Refused(_NOT_YET.format(entry.entry_id, place, head.ordinal, head.ordinal + 1))
    first = situation.first[0]
    if not head.versioned and version is None and first.entry_id != entry.entry_id:
        raise Refused(
            f"entry {entry.entry_id} is not the first of order {head.order_id!r}: "
            f"decide about entry {first.entry_id} first"
        )
    moved = _moved(head, place, versioned=head.versioned or version is not None)
    return Decision(head=_without(situation, moved, entry), passed_over=(place,), removed=entry)


def edit(situation: Situation, entry: Waiting, arrival: Arrival) -> Decision:
    """Put other bytes into an entry, or the same: then the operator answers for its place.

    `arrival` is the event that the bytes are, at the entry's own position. Raises `Refused`.
    """
    head, event = situation.head, arrival.event
    if head is None or entry.kind is Kind.STRAY:
        raise Refused(f"entry {entry.entry_id} is a stray: send the event again, and skip this")
    if event is None:
        raise Refused(f"these bytes cannot be read either: {arrival.problem}")
    if event.order_id != head.order_id:
        raise Refused(
            f"entry {entry.entry_id} belongs to order {head.order_id!r}, "
            f"and these bytes to {event.order_id!r}"
        )
    version = event.version
    if head.versioned is not None and head.versioned is (version is None):
        raise Refused("an event needs a version if those of its order carry one, and only then")
    if version is not None and version <= head.ordinal:
        raise Refused(f"version {version} lies behind the order's {head.ordinal}")
    if version is not None and situation.claimed:
        raise Refused(f"version {version} waits in the lot as an entry of its own")
    early = version is not None and version > head.ordinal + 1
    edited = msgspec.structs.replace(
        entry,
        arrival=arrival,
        rank=entry.rank if version is None else version,
        kind=Kind.GAP if early else Kind.BLOCKER,
        failure=Failure(Reason.EDITED, "edited by hand: redrive the order"),
    )
    after = msgspec.structs.replace(head, versioned=version is not None)
    return Decision(head=_with(situation, after, entry, edited), edited=edited)


def close_gap(situation: Situation, up_to: int) -> Decision:
    """Pass over every missing version up to this one. Raises `Refused`."""
    head = situation.head
    if head is None or head.versioned is None:
        raise Refused("no event of this order has been read yet: import a head if it was joined")
    if not head.versioned:
        raise Refused(f"the events of order {head.order_id!r} carry no versions: it has no gaps")
    if up_to <= head.ordinal:
        raise Refused(f"the order is at version {head.ordinal} already")
    if situation.lowest is not None and situation.lowest <= up_to:
        raise Refused(
            f"version {situation.lowest} waits in the lot: close the gap up to "
            f"{situation.lowest - 1}, and it has its turn"
        )
    if up_to - head.ordinal > MOST_CLOSED:
        raise Refused(f"that is more than {MOST_CLOSED:,} versions: import a head instead")
    moved = _moved(head, up_to, versioned=True)
    return Decision(
        head=_without(situation, moved, None),
        passed_over=tuple(range(head.ordinal + 1, up_to + 1)),
    )


def import_head(situation: Situation, version: int) -> Decision:
    """Let the order begin after this version, which was applied elsewhere. Raises `Refused`."""
    head = situation.head
    if head is None:
        raise Refused("the order has no head")
    if version < 1:
        raise Refused(f"version {version} is none: versions begin at 1")
    if head.versioned is False:
        raise Refused("its events carry no versions")
    if head.ordinal:
        raise Refused(f"it is at version {head.ordinal} already")
    if situation.lowest is not None and situation.lowest <= version:
        raise Refused(f"version {situation.lowest} waits in its lot: import a lower one")
    moved = _moved(head, version, versioned=True)
    return Decision(head=_without(situation, moved, None), ledger_from=version + 1)


def _place(head: Head, entry: Waiting, version: int | None) -> int | None:
    """The ordinal that the entry would take, None if nothing would ever be applied there."""
    event = entry.arrival.event
    if event is not None and version is not None:
        raise Refused(f"entry {entry.entry_id} can be read: it says itself which version it is")
    if version is not None:
        if head.versioned is False:
            raise Refused(f"the events of order {head.order_id!r} carry no versions")
        return version
    if head.versioned is None or entry.failure.reason is Reason.WRONG_KIND:
        return None
    if head.versioned:
        return None if event is None else event.version
    late = entry.failure.reason in (Reason.OVERTAKEN, Reason.CONFLICT)
    return None if late else head.ordinal + 1


def _moved(head: Head, ordinal: int, *, versioned: bool) -> Head:
    return msgspec.structs.replace(head, ordinal=ordinal, versioned=versioned)


def _without(situation: Situation, head: Head, entry: Waiting | None) -> Head:
    """The head, its state recomputed without this entry."""
    gone = None if entry is None else entry.entry_id
    left = [one for one in situation.first if one.entry_id != gone]
    blockers = situation.blockers - (entry is not None and entry.kind is Kind.BLOCKER)
    return _in_state(head, left, blocked=blockers > 0)


def _with(situation: Situation, head: Head, entry: Waiting, edited: Waiting) -> Head:
    """The head, its state recomputed with this entry changed."""
    left = [one for one in situation.first if one.entry_id != entry.entry_id]
    left = sorted([*left, edited], key=lambda one: one.place)
    blockers = situation.blockers - (entry.kind is Kind.BLOCKER) + (edited.kind is Kind.BLOCKER)
    return _in_state(head, left, blocked=blockers > 0)


def _in_state(head: Head, left: Sequence[Waiting], *, blocked: bool) -> Head:
    return msgspec.structs.replace(head, state=state_after(head, left, blocked_behind=blocked))


_NOT_YET = (
    "entry {0} is version {1}, and the order is at {2}: its turn has not come; redrive, skip or "
    "close what is before it, beginning with version {3}"
)
