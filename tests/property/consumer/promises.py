"""The promises, each a function over the tables and what was sent; checked after every batch."""

from collections.abc import Iterable
from itertools import pairwise

from contract import content_digest
from tests.consuming.tables import Tables
from tests.property.consumer.worlds import Sent


def none_is_lost(tables: Tables, delivered: Iterable[Sent]) -> None:
    """P1: what was delivered is in the ledger, or in the lot with its bytes."""
    for sent in delivered:
        if sent.event is not None:
            digest = content_digest(sent.event)
            rows = tables.ledger.get(sent.order_id, ())
            if any(
                row.digest == digest and sent.event.version in (None, row.ordinal) for row in rows
            ):
                continue
        lot = tables.lot.get(sent.order_id, ())
        assert any(entry.payload == sent.raw or _is_resent(entry.payload, sent) for entry in lot), (
            f"lost: {sent}"
        )


def _is_resent(payload: bytes, sent: Sent) -> bool:
    """The same event under a new id is a re-send: its bytes differ in the id only."""
    if sent.event is None or sent.event.version is None:
        return False
    return payload.partition(b'"source"')[2] == sent.raw.partition(b'"source"')[2]


def each_is_applied_once(tables: Tables) -> None:
    """P2: no id and no place twice, neither in the ledger nor in what the projection keeps."""
    for order_id, rows in tables.ledger.items():
        ids = [str(row.id) for row in rows]
        assert len(set(ids)) == len(ids), order_id
        assert len({row.position for row in rows}) == len(rows), order_id
        parked = [entry.position for entry in tables.lot.get(order_id, ())]
        assert not {row.position for row in rows} & set(parked), order_id
    for order_id, entries in tables.lot.items():
        assert len({entry.position for entry in entries}) == len(entries), order_id


def orders_are_in_order(tables: Tables) -> None:
    """P3 and P4: an order's ledger is 1, 2, 3 …, without versions in the stream's order."""
    for order_id, (versioned, ordinal, _) in tables.heads.items():
        rows = tables.ledger.get(order_id, [])
        assert [row.ordinal for row in rows] == list(range(1, ordinal + 1)), order_id
        if versioned is False:
            assert all(a.position < b.position for a, b in pairwise(rows)), order_id


def nothing_passes_a_blocker(before: Tables, after: Tables) -> None:
    """P4: an order that waits for a decision moves no further without one."""
    for order_id, entries in before.lot.items():
        if any(entry.kind == "blocker" for entry in entries):
            assert after.ledger.get(order_id, []) == before.ledger.get(order_id, []), order_id
            kept = after.lot[order_id]
            assert [e for e in kept if e in entries] == entries, order_id


def the_lot_is_ranked(tables: Tables) -> None:
    """An entry is ranked by its version, or as it came."""
    for order_id, entries in tables.lot.items():
        if order_id is None:
            continue
        versioned, ordinal, _ = tables.heads[order_id]
        if versioned is False:
            assert all(a.rank < b.rank for a, b in pairwise(entries)), order_id
            assert all(entry.rank > ordinal for entry in entries), order_id


def the_state_follows_from_the_lot(tables: Tables, *, drained: bool = True) -> None:
    """Nothing waits: open. A hole before the first: gap. Else parked, for a blocker's sake; or
    for a drain's that is not `drained` yet.
    """
    for order_id, (versioned, ordinal, state) in tables.heads.items():
        entries = [e for e in tables.lot.get(order_id, ()) if e.kind != "stray"]
        blocked = any(entry.kind == "blocker" for entry in entries)
        if not entries:
            assert state == "open", order_id
        elif not blocked and versioned and entries[0].rank > ordinal + 1:
            assert state == "gap", order_id
        else:
            assert state == "parked", order_id
            assert blocked or not drained, order_id


def the_projection_is_the_fold(tables: Tables) -> None:
    """What the projection keeps is what the ledger says, event by event and nothing else."""
    folded = {o: [str(row.id) for row in rows] for o, rows in tables.ledger.items() if rows}
    assert tables.journal == folded
