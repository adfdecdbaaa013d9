"""One event among hundreds kills the process: it alone is parked, its followers behind it."""

import random
import threading
import time

import msgspec
import psycopg
import pytest
from aws_kinesis_agg.aggregator import RecordAggregator

from contract import Event, encode_event
from local.environments.environment import Ending
from local.mapping.undocumented import BisectHalves, Undocumented
from tests.consuming.deadly import ASK, KILLERS
from tests.consuming.delivering import AS_DEPLOYED, Delivering
from tests.consuming.events import make_event

ORDERS = [f"order-{n:02d}" for n in range(30)]
PER_ORDER = 8
DEADLY = "order-17"
AT = 4
"""The version of the killer in its order."""


def events(seed: int, killer: str) -> list[Event]:
    """Every order's events in their order, the orders interleaved; one of them kills."""
    left = {o: iter(range(1, PER_ORDER + 1)) for o in ORDERS}
    places = ORDERS * PER_ORDER
    random.Random(seed).shuffle(places)
    made = []
    for order_id in places:
        version = next(left[order_id])
        kills = (order_id, version) == (DEADLY, AT)
        made.append(make_event(version, order_id=order_id, type=killer if kills else "note"))
    return made


def plain(made: list[Event]) -> list[tuple[str, bytes]]:
    return [(event.order_id, encode_event(event)) for event in made]


def aggregated(made: list[Event], size: int) -> list[tuple[str, bytes]]:
    """Runs of events of all orders in one record each, under one key, as other producers do it."""
    records = []
    for start in range(0, len(made), size):
        aggregator = RecordAggregator()
        for event in made[start : start + size]:
            aggregator.add_user_record(event.order_id, encode_event(event), None)
        records.append(("one key", aggregator.clear_and_get().get_contents()[2]))
    return records


def lot(sql):
    return sql.execute(
        "select order_id, version, kind, reason from inorder.parking_lot order by order_id, version"
    ).fetchall()


CONTAINED = [
    (DEADLY, AT, "blocker", "killer"),
    *((DEADLY, version, "follower", "follows") for version in range(AT + 1, PER_ORDER + 1)),
]


def check(sql):
    """Exactly the killer is parked, its followers behind it; everything else is applied once."""
    assert lot(sql) == CONTAINED
    assert dict(sql.execute("select order_id, ordinal from inorder.head").fetchall()) == {
        order_id: AT - 1 if order_id == DEADLY else PER_ORDER for order_id in ORDERS
    }
    applied = sql.execute("select order_id, cardinality(seen) from journal").fetchall()
    assert dict(applied) == {o: AT - 1 if o == DEADLY else PER_ORDER for o in ORDERS}
    assert not sql.execute("select * from inorder.delivery where deadline is not null").fetchall()


@pytest.mark.parametrize("killer", [k for k in KILLERS if k not in ("loop", "stuck", "swell")])
def test_a_killer_among_hundreds(sql, consumers, killer):
    """One death of what Lambda waits for: the next invocation sees to the rest, also where the
    other slot's batch overlaps the one that died, and ends before that is tried again.
    """
    delivering = Delivering(plain(events(1, killer)), consumers(seconds=20.0))
    delivering.run(seconds=60)
    check(sql)
    assert delivering.endings.count(Ending.CRASHED) == 1
    assert set(delivering.endings) == {Ending.CRASHED, Ending.ANSWERED}


@pytest.mark.parametrize("killer", ["loop", "stuck"])
def test_an_endless_loop(sql, consumers, killer):
    """It ends itself long before the time-out, and once more in a process apart; by then every
    other order has been served.
    """
    waiting = []

    def look(invoke, result):
        others = [r.sequence_number for r in invoke.records if r.partition_key != DEADLY]
        applied = "select from inorder.ledger where sequence_number = any(%s::numeric[])"
        left = len(others) - len(sql.execute(applied, [others]).fetchall())
        waiting.append((result.ending, left > 0))

    delivering = Delivering(
        plain(events(2, killer)),
        consumers(seconds=30.0, PROJECTION_SECONDS="0.5"),
        msgspec.structs.replace(AS_DEPLOYED, batch_size=1_000),
        at_end=look,
    )
    began = time.monotonic()
    delivering.run(seconds=60)
    assert time.monotonic() - began < 30, "no time-out was waited for"
    check(sql)
    crashed = [left for ending, left in waiting if ending is Ending.CRASHED]
    assert crashed == [True], "the first death is the only one that anybody waited for"
    assert not any(left for ending, left in waiting if ending is Ending.ANSWERED)


def test_an_endless_loop_that_asks_the_database(sql, consumers):
    """An invocation cannot tell it from slow work, and dies of it when its time is up; in a process
    apart it ends within seconds, by order and by event, and is parked.
    """
    pool = consumers(seconds=16.0, PROJECTION_SECONDS="0.6")
    settings = msgspec.structs.replace(AS_DEPLOYED, batch_size=1_000)
    delivering = Delivering(plain(events(8, ASK)), pool, settings)
    delivering.run(seconds=90)
    check(sql)
    assert delivering.endings.count(Ending.CRASHED) == 1
    assert set(delivering.endings) == {Ending.CRASHED, Ending.ANSWERED}


def test_the_others_flow_while_a_killer_is_narrowed_down(sql, consumers, database_url):
    """What came with it is committed before it is tried alone, and tried alone again."""
    pool = consumers(seconds=40.0, PROJECTION_SECONDS="1.5")
    settings = msgspec.structs.replace(AS_DEPLOYED, batch_size=1_000)
    delivering = Delivering(plain(events(7, "loop")), pool, settings)
    flowed = []

    def watch():
        """When everybody else was served, and when the killer was parked."""
        others = "select count(*) from inorder.ledger where order_id <> %s"
        blocked = "select count(*) from inorder.parking_lot where kind = 'blocker'"
        with psycopg.connect(database_url, autocommit=True) as watching:
            while watching.execute(others, [DEADLY]).fetchone() != (29 * PER_ORDER,):
                time.sleep(0.05)
            flowed.append(time.monotonic())
            while watching.execute(blocked).fetchone() != (1,):
                time.sleep(0.05)
            flowed.append(time.monotonic())

    watcher = threading.Thread(target=watch)
    watcher.start()
    delivering.run(seconds=90)
    watcher.join(timeout=30)
    check(sql)
    assert flowed[1] - flowed[0] > 3 * 1.5, "three processes died after the others were served"


def test_memory_that_the_function_has_not(sql, consumers):
    pool = consumers(memory_mb=384, seconds=30.0)
    delivering = Delivering(plain(events(3, "swell")), pool)
    delivering.run(seconds=60)
    check(sql)
    assert delivering.endings.count(Ending.CRASHED) == 1


@pytest.mark.parametrize("halves", BisectHalves)
def test_inside_an_aggregated_record(sql, consumers, halves):
    records = aggregated(events(4, "exit"), 40)
    undocumented = Undocumented(bisect_halves=halves)
    Delivering(records, consumers(seconds=20.0), undocumented=undocumented).run(seconds=60)
    check(sql)


def test_a_killer_that_is_drained_from_the_lot(sql, consumers):
    """It comes before the version it follows, waits in the lot, and kills whoever brings that."""
    made = events(5, "exit")
    killer = next(e for e in made if (e.order_id, e.version) == (DEADLY, AT))
    before = next(e for e in made if (e.order_id, e.version) == (DEADLY, AT - 1))
    first, second = sorted((made.index(killer), made.index(before)))
    made[first], made[second] = killer, before
    Delivering(plain(made), consumers(seconds=20.0)).run(seconds=60)
    check(sql)
