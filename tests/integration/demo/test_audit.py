"""The demo's audit can fail: each planted fault in the tables is found."""

import base64
import itertools
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from consumer.arrivals import read_batch
from consumer.attempts import Attempts
from consumer.batch import apply_batch
from consumer.database import Database
from consumer.orders import Orders
from consumer.settings import Settings
from contract import encode_event
from local.demo.audit import Audit, audit
from local.demo.journal import Journal
from local.demo.workload import Send, generate


@pytest.fixture
def journal(database_url: str) -> Iterator[Journal]:
    """A small workload, sent into the tables without a stream between."""
    sends = list(generate(seed=5, count=8_000))
    journal = Journal()
    for send in sends:
        journal.settle(journal.note(send.event))
    database = Database(Settings(database_url=database_url))
    attempts = Attempts(database, Orders(), lambda: 60.0, 1.0)
    places = itertools.count(1)
    for batch in _cut(sends):
        event = {"Records": [_record(send, next(places)) for send in batch]}
        applied = apply_batch(read_batch(event), attempts, chunk_events=1_000, drain=100)
        assert applied.checkpoint is None
    yield journal
    database.close()


def _cut(sends: list[Send]) -> Iterator[list[Send]]:
    return (sends[start : start + 500] for start in range(0, len(sends), 500))


def _record(send: Send, place: int) -> dict[str, object]:
    data = base64.b64encode(encode_event(send.event)).decode()
    kinesis = {"sequenceNumber": str(place), "partitionKey": send.event.order_id, "data": data}
    return {"kinesis": kinesis}


def run(sql: psycopg.Connection, journal: Journal) -> Audit:
    return audit(lambda work: work(sql), journal, clock_offset=0.0, projection=Orders())


def test_a_sound_run_is_clean_and_says_what_waits(
    sql: psycopg.Connection, journal: Journal
) -> None:
    found = run(sql, journal)
    assert found.clean, found.findings
    assert found.sent == journal.sent == found.applied + found.parked
    assert found.parked > 0
    assert found.orders == len(journal.orders())
    assert len(found.latencies) == found.applied
    assert set(found.examples) == set(found.reasons)


LAST = "(select order_id from inorder.head where versioned and state = 'open' limit 1)"
UNVERSIONED = (
    "(select order_id from inorder.head where not versioned and state = 'open' and ordinal > 3 "
    "limit 1)"
)


def test_what_an_earlier_run_applied_has_no_latency(
    sql: psycopg.Connection, journal: Journal
) -> None:
    journal.began = time.time() + 60
    found = run(sql, journal)
    assert found.clean
    assert found.latencies == []


FAULTS: dict[str, tuple[str, Callable[[Audit], int]]] = {
    "a lost event": (
        f"delete from inorder.ledger where order_id = {LAST} and ordinal = 1",
        lambda found: found.lost,
    ),
    "a lost entry of the lot": (
        (
            "delete from inorder.parking_lot where entry_id = "
            "(select max(entry_id) from inorder.parking_lot)"
        ),
        lambda found: found.lost,
    ),
    "a hole in the ledger": (
        (
            f"update inorder.ledger set ordinal = ordinal + 1000 where order_id = {LAST} "
            "and ordinal >= 3"
        ),
        lambda found: found.order_violations,
    ),
    "a double": (
        (
            "insert into inorder.ledger select (select max(ordinal) + 1 from inorder.ledger l "
            "where l.order_id = ledger.order_id), gen_random_uuid(), digest, time, applied_at, "
            "sub_sequence_number, order_id, type, source, sequence_number, data, null "
            f"from inorder.ledger where order_id = {LAST} and ordinal = 1"
        ),
        lambda found: found.order_violations + found.projection_differences,
    ),
    "an inversion without versions": (
        (
            "update inorder.ledger set ordinal = case ordinal when 1 then 2002 else 2001 end "
            f"where order_id = {UNVERSIONED} and ordinal in (1, 2); "
            "update inorder.ledger set ordinal = ordinal - 2000 where ordinal > 2000"
        ),
        lambda found: found.order_violations,
    ),
    "an order changed behind the ledger's back": (
        f"update orders set total = total + 1 where order_id = {LAST}",
        lambda found: found.projection_differences,
    ),
    "an order that was never saved": (
        f"delete from orders where order_id = {LAST}",
        lambda found: found.projection_differences,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, sql: psycopg.Connection, journal: Journal) -> None:
    statement, counted = FAULTS[fault]
    for part in statement.split("; "):
        assert sql.execute(part).rowcount > 0
    found = run(sql, journal)
    assert counted(found) > 0
    assert not found.clean
    assert found.findings


def test_an_event_applied_behind_a_blocked_one_is_found(
    sql: psycopg.Connection, journal: Journal
) -> None:
    """As if followers were not held back: the blocker's follower moves into the ledger."""
    moved = sql.execute(
        "with follower as (delete from inorder.parking_lot where entry_id = "
        " (select min(entry_id) from inorder.parking_lot where kind = 'follower') returning *) "
        "insert into inorder.ledger (order_id, ordinal, id, digest, type, time, source, data) "
        "select follower.order_id, head.ordinal + 1, id, digest, 'x', now(), 'x', '{}' "
        "from follower join inorder.head using (order_id)"
    )
    assert moved.rowcount == 1
    found = audit(lambda work: work(sql), journal, clock_offset=0.0, projection=None)
    assert found.order_violations > 0
