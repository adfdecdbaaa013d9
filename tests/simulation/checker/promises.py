"""The promises as functions over facts. Each yields what is wrong, in words, if anything is.

| promise | checked |
|---|---|
| P1 no loss | what is acknowledged has landed, and once finished stands in ledger or lot |
| P2 once | no event twice in the ledger; the projection holds exactly what the ledger says |
| P3 order | the ledger of an order grows in the order of sending |
| P4 no overtaking | nothing is applied while something earlier is missing or waits for a decision |
| P5 isolation | an invocation that met no fault finishes its whole batch, whatever is in it |
| P6 outage is no poison | only what was planned to be bad is ever a blocker |
| P7 bounded downstream | connections never exceed the function's concurrency |
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise

from tests.simulation.checker.record import OrderRecord, Place, Row, original, place_of
from tests.simulation.scenario import Item

BLAMED = {
    "rejected": ("refuse",),
    "failed": ("break",),
    "data_error": ("spoil",),
    "unreadable": ("garbled",),
    "conflict": ("conflict_id", "conflict_version"),
    "wrong_kind": ("wrong_kind",),
    "killer": ("kill", "hang"),
}
"""Which flavours of events may be parked for which reason."""

UNEXPECTED = ("failed", "data_error", "killer")
"""What a bad version of the code may be the reason of."""


def p2_once(order_id: str, record: OrderRecord) -> Iterator[str]:
    if len(record.applied) != len(set(record.applied)):
        yield f"P2: order {order_id}: an event is in the ledger twice: {record.applied}"
    ledger = tuple(row["data"] for row in record.rows if row["data"] is not None)
    if ledger != record.trail:
        yield f"P2: order {order_id}: the ledger says {ledger}, the projection {record.trail}"


def p3_order(order_id: str, record: OrderRecord, *, mixed_up: bool) -> Iterator[str]:
    """Of two in contradiction the first to come is right, where they may have been mixed up. And
    without versions nothing can tell a late double from an event, once the stream has lost the
    first copy to the on-failure bucket or to its retention: hence the template's settings.
    """
    loose: set[int] = set()
    if record.plan is not None and mixed_up:
        loose |= record.plan.contradicting()
    if record.plan is not None and not record.plan.versioned:
        loose |= record.doubled & (record.given_up | record.expired)
    applied = [n for n in record.applied if n not in loose]
    if any(a >= b for a, b in pairwise(applied)):
        yield f"P3: order {order_id} was applied in the order {record.applied}"


def p4_nothing_missing(
    order_id: str, record: OrderRecord, item: Item, *, reordered: bool
) -> Iterator[str]:
    """An event was just applied: everything sent before it has to be applied already. Of two in
    contradiction the first to come is right, where the mapping mixes them up or one has expired.
    """
    plan = record.plan
    if plan is None:
        return
    loose = plan.contradicting() if reordered or record.expired else frozenset()
    if item.n in loose:
        return
    applied = frozenset(record.applied)
    for earlier in plan.items:
        if earlier.n >= item.n:
            return
        if earlier.equals is not None or earlier.n in applied or earlier.n in record.skipped:
            continue
        if earlier.n in loose:
            continue
        if record.decided and earlier.version in record.passed:
            continue
        numbered = plan.versioned and earlier.flavour not in ("wrong_kind", *CONFLICTING)
        told = earlier.n in record.landed and earlier.n not in record.expired
        if numbered or (told and not reordered):
            yield f"P4: {item.name} was applied and {earlier.name} ({earlier.flavour}) was not"


WAS_NEXT = ("rejected", "failed", "data_error", "killer")
"""Reasons of entries that were tried: they stand where their version says."""

MAY_BE_LATE = ("conflict", "wrong_kind", "unreadable")
"""Reasons that hide that an event was overtaken, where the mapping mixes them up."""

CONFLICTING = ("conflict_id", "conflict_version")


def p4_no_overtaking(
    order_id: str,
    record: OrderRecord,
    new: Iterable[Row],
    before: dict[int, Row],
    known: dict[Place, int],
    *,
    mixed_up: bool,
) -> Iterator[str]:
    """`new` rows of the ledger, `before` the blockers that stood before the commit, `known` when
    the event of a place first came into a lot: what waits there already keeps its place before one
    that the stream delivers too late.
    """
    for row in new:
        for blocker in record.blockers():
            ranked = blocker["entry_id"] in before or blocker["reason"] in WAS_NEXT
            if ranked and record.head is not None and record.head["versioned"]:
                twin = row["ordinal"] == blocker["rank"] and blocker["reason"] == "conflict"
                overtakes = row["ordinal"] >= blocker["rank"] and not twin
            else:
                late = blocker["reason"] == "overtaken" or (
                    mixed_up and blocker["reason"] in MAY_BE_LATE
                )
                came = known[place_of(blocker)]
                waited = late and known.get(place_of(row), came) < came
                overtakes = place_of(row) > place_of(blocker) and not waited
            if overtakes:
                yield (
                    f"P4: order {order_id}: {row['data']} was applied behind the "
                    f"{blocker['reason']} entry {blocker['entry_id']}"
                )


def p4_unreadable(
    order_id: str, record: OrderRecord, row: Row, known: Collection[Place]
) -> Iterator[str]:
    """Unreadable bytes of the order that stand before an applied event have to be in the lot."""
    at = place_of(row)
    for place in record.garbled:
        if place < at and place not in known:
            yield f"P4: order {order_id}: {row['data']} was applied before the bytes at {place}"


def p6_justified(
    order_id: str | None, row: Row, item: Item | None, record: OrderRecord, *, reordered: bool
) -> Iterator[str]:
    """An entry of the lot has to be there for what was planned, and for nothing else."""
    kind, reason = row["kind"], row["reason"]
    name = item.name if item is not None else repr(row["payload"][:20])
    if kind == "blocker":
        if not _may_block(item, reason, record, reordered=reordered):
            yield f"P6: {name} is innocent and was parked: {reason}: {row['detail']}"
        if item is not None and order_id != item.order_id:
            yield f"P5: {name} was parked as an event of order {order_id}"
    elif kind == "stray" and item is not None and not record.pruned:
        if record.decided and item.version in record.passed and not _skipped(item, record):
            return
        if order_id is None and item.flavour == "garbled":
            return  # under a key that orders share: whose bytes they are nobody can tell
        yield f"P6: {name} was put aside as a stray: {reason}: {row['detail']}"
    elif kind == "gap" and (item is None or (item.version or 0) <= record.came_from + 1):
        yield f"P6: {name} waits for a version that is not missing"


def _may_block(item: Item | None, reason: str, record: OrderRecord, *, reordered: bool) -> bool:
    """Whether something that was planned asks for this event to be parked for this reason."""
    if item is None:
        return reason == "unreadable"
    if reason == "overtaken":
        return reordered
    if reason == "edited":
        return record.decided
    if reason == "data_error" and _cursed(record):
        return True
    mixed_up = reordered or bool(record.expired)
    return item.flavour in BLAMED.get(reason, ()) or (
        mixed_up and _contradicts(item, record, reason)
    )


def _contradicts(item: Item, record: OrderRecord, reason: str) -> bool:
    """Whether another event of the order, had it come first, would put this one in the wrong."""
    plan = record.plan
    if plan is None:
        return False
    if reason == "wrong_kind":
        return any(other.flavour == "wrong_kind" for other in plan.items)
    return reason == "conflict" and item.n in plan.contradicting()


def _skipped(item: Item, record: OrderRecord) -> bool:
    """Whether an operator has dropped this very event: then it is known when it comes again."""
    return item.equals is None and item.n in record.skipped


def _cursed(record: OrderRecord) -> bool:
    plan = record.plan
    return plan is not None and any(
        i.flavour == "curse" and i.n in record.applied for i in plan.items
    )


def head_fits(order_id: str, record: OrderRecord) -> Iterator[str]:
    """Head, ledger and lot agree. Between two turns of a redrive an order that waits for a version
    is parked, since the first turn has not seen the rest; `settled` asks whether it stays so.
    """
    head, waiting = record.head, record.waiting()
    if head is None:
        if record.rows or waiting:
            yield f"P1: order {order_id} has rows and no head"
        return
    if head["ordinal"] != len(record.rows):
        yield f"P3: order {order_id}: the head is at {head['ordinal']} of {len(record.rows)}"
    if not waiting:
        expected = "open"
    elif record.blockers() or not head["versioned"] or waiting[0]["rank"] <= head["ordinal"] + 1:
        expected = "parked"
    else:
        expected = "gap"
    if head["state"] != expected and (head["state"], expected) != ("parked", "gap"):
        yield f"P4: order {order_id} is {head['state']}, its lot says {expected}"


def receipt(item: Item, record: OrderRecord, *, known: bool) -> Iterator[str]:
    """What was acknowledged is there, but for what the stream has let expire."""
    if not known and original(item) not in record.expired:
        yield f"P1: {item.name} was acknowledged, and is neither applied nor parked"


def settled(order_id: str, record: OrderRecord) -> Iterator[str]:
    """Nothing is going on any more: what could be applied has been."""
    waiting = record.waiting()
    if waiting and not record.blockers() and (record.head or {}).get("state") == "parked":
        yield f"P1: order {order_id} has entries that nothing hinders and nobody applies"


def healed(order_id: str, record: OrderRecord) -> Iterator[str]:
    """Everything that landed is applied, up to the first event that no code can apply."""
    plan = record.plan
    if record.decided:
        return
    for item in plan.items if plan is not None and plan.consistent() else ():
        if item.equals is not None:
            continue
        if item.flavour in ("missing", "garbled", "wrong_kind", *CONFLICTING):
            return
        if item.n in record.dropped and plan is not None and plan.versioned:
            return
        if item.n in record.expired and plan is not None and plan.versioned:
            return
        if item.n in record.expired:
            continue
        if item.n in record.landed and item.n not in record.applied:
            yield f"P1: {item.name} ({item.flavour}) could be applied and still waits"
