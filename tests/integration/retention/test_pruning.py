"""Old rows leave the ledger, heads stay, and the audit proves what is left."""

import threading
from datetime import timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from consumer.audit.auditor import Auditor, Scope
from consumer.audit.tables import Tables
from consumer.database import Database
from consumer.retention import ledger
from consumer.retention.ledger import Ledger
from consumer.retention.pruner import Pruner, Terms
from consumer.settings import Settings
from tests.consuming.events import make_event
from tests.operating.world import World

DAY = Terms(keep=timedelta(days=1), rest=0.0)
FULL = Scope(full=True)


@pytest.fixture
def world(database_url):
    made = World(database_url)
    yield made
    made.close()


@pytest.fixture
def audit(world):
    database = Database(Settings(database_url=world.url))
    yield lambda scope=FULL: Auditor(Tables(database)).run(scope)
    database.close()


@pytest.fixture
def prune(world):
    """Begin a pass now, or go on with one."""
    database = Database(Settings(database_url=world.url))
    yield lambda terms=DAY, **given: Pruner(Ledger(database), **given).run(terms, now=True)
    database.close()


def age(world, up_to, *, days=2, order_id="A"):
    """Let the rows of an order, up to a place, have been applied days ago."""
    world.sql.execute(
        "update inorder.ledger set applied_at = applied_at - %s * interval '1 day'"
        " where order_id = %s and ordinal <= %s",
        [days, order_id, up_to],
    )


def kept(world, order_id="A"):
    """The places in the ledger, and where the head says that it begins."""
    rows = world.rows(
        "select ordinal from inorder.ledger where order_id = %s order by ordinal", order_id
    )
    ((first,),) = world.rows("select ledger_from from inorder.head where order_id = %s", order_id)
    return [ordinal for (ordinal,) in rows], first


def test_what_is_old_goes_and_what_is_left_is_sound(world, audit, prune):
    world.live(*(make_event(v, order_id=o) for v in range(1, 6) for o in ("A", "B", "C")))
    age(world, 3)
    age(world, 5, order_id="B")
    audit()
    done = prune()
    assert (done.rows, done.finished) == (8, True)
    assert kept(world) == ([4, 5], 4)
    assert kept(world, "B") == ([], 6)
    assert kept(world, "C") == ([1, 2, 3, 4, 5], 1)
    assert audit().faults == ()
    world.live(*(make_event(6, order_id=o) for o in ("A", "B", "C")))
    assert kept(world, "B") == ([6], 6)
    assert audit().faults == ()
    assert world.head("B") == ("open", 6)


def test_a_fault_among_the_rows_that_are_left_is_still_found(world, audit, prune):
    world.live(*(make_event(v) for v in range(1, 8)))
    age(world, 3)
    audit()
    prune()
    world.sql.execute("delete from inorder.ledger where ordinal = 5")
    assert [fault.place for fault in audit().faults] == ["ledger 4", "ledger 6"]
    world.sql.execute("delete from inorder.ledger")
    assert [fault.name for fault in audit().faults] == ["gap"]


def test_a_row_that_comes_back_is_before_the_beginning(world, audit, prune):
    world.live(make_event(1), make_event(2))
    age(world, 1)
    audit()
    world.sql.execute("create table kept as table inorder.ledger")
    prune()
    world.sql.execute("insert into inorder.ledger select * from kept where ordinal = 1")
    assert {fault.name for fault in audit().faults} == {"before_beginning"}


def test_what_nobody_has_audited_stays(world, audit, prune):
    world.live(make_event(1), make_event(2))
    audit()
    world.sql.execute("update inorder.audit set audited_to = audited_to - interval '3 days'")
    age(world, 2)
    assert prune().rows == 0
    audit()
    assert prune().rows == 2


def test_within_the_time_a_duplicate_is_skipped_and_after_it_a_stray(world, audit, prune):
    world.live(*(make_event(v) for v in range(1, 4)))
    age(world, 1)
    audit()
    assert sum(done.duplicates for done in world.live(make_event(1)).committed) == 1
    prune()
    (again,) = world.live(make_event(1), make_event(2), make_event(4)).committed
    assert (again.applied, again.duplicates) == (1, 1)
    assert [(entry.kind, entry.failure.reason) for entry in again.parked] == [("stray", "unproven")]
    assert world.head() == ("open", 4)
    assert world.names() == ["1", "2", "3", "4"]
    assert audit().faults == ()


def test_without_versions_what_lies_behind_the_head_is_not_applied_again(world, audit, prune):
    world.live(make_event(name="first"), make_event(name="second"))
    age(world, 2)
    audit()
    prune()
    (again,) = world.live(make_event(name="first"), at=1).committed
    assert [entry.failure.reason for entry in again.parked] == ["overtaken"]
    assert audit().faults == ()


def test_a_locked_order_is_passed_over_and_waits_for_nobody(world, audit, prune):
    world.live(*(make_event(v, order_id=o) for v in (1, 2) for o in ("A", "B")))
    age(world, 2)
    age(world, 2, order_id="B")
    audit()
    with psycopg.connect(world.url) as other:
        other.execute("select from inorder.head where order_id = 'A' for no key update")
        assert prune().rows == 2
        assert kept(world) == ([1, 2], 1)
        assert kept(world, "B") == ([], 3)
    assert prune().rows == 2
    assert audit().faults == ()


def test_what_is_removed_is_a_prefix_wherever_the_rows_lie(world, audit, prune):
    """Space is used again: the first rows may lie behind the later ones."""
    world.live(*(make_event(v) for v in range(1, 6)))
    world.sql.execute("update inorder.ledger set source = source where ordinal in (1, 2)")
    age(world, 4)
    world.sql.execute(
        "update inorder.ledger set applied_at = clock_timestamp() where ordinal = 2"
    )  # by a clock that was wrong
    audit()
    assert prune().rows == 4
    assert kept(world) == ([5], 5)
    assert audit().faults == ()


def test_an_order_that_is_large_goes_in_pieces(world, audit, prune, monkeypatch):
    monkeypatch.setattr(ledger, "MOST_OF_AN_ORDER", 4)
    world.live(*(make_event(v) for v in range(1, 21)))
    age(world, 18)
    audit()
    looks = iter([True, True])
    assert prune(in_time=lambda: next(looks, False)).rows == 8
    assert kept(world)[1] == 9
    assert prune().rows == 10
    assert kept(world) == ([19, 20], 19)
    assert audit().faults == ()


def test_the_next_run_goes_on_where_the_time_ran_out(world, audit, prune):
    world.live(*(make_event(v, text="x" * 1_000) for v in range(1, 101)))
    age(world, 100)
    audit()
    few = iter([True] * 20)
    terms = Terms(keep=timedelta(days=1), blocks=1, rest=0.0)
    first = prune(terms, in_time=lambda: next(few, False))
    assert (first.blocks, first.finished) == (20, False)
    assert 0 < first.rows < 100
    second = prune(terms)
    assert (first.rows + second.rows, second.finished) == (100, True)
    assert world.rows("select rows_pruned, next_block from inorder.retention") == [(100, 0)]


def test_it_rests_after_each_piece(world, audit, prune):
    world.live(make_event(1))
    age(world, 1)
    audit()
    rests = []
    prune(Terms(keep=timedelta(days=1), rest=3.0), sleep=rests.append)
    assert len(rests) == 1
    assert rests[0] > 0


def test_a_pass_begins_when_it_is_due_or_when_the_time_has_changed(world, audit, prune):
    database = Database(Settings(database_url=world.url))
    pruner = Pruner(Ledger(database))
    world.live(make_event(1), make_event(2))
    age(world, 1)
    audit()
    assert pruner.run(DAY).rows == 1
    age(world, 2)
    assert pruner.run(DAY).rows == 0
    world.sql.execute("update inorder.retention set due_at = clock_timestamp()")
    assert pruner.run(DAY).rows == 1
    world.live(make_event(3))
    age(world, 3, days=0.9)
    audit()
    assert pruner.run(Terms(keep=timedelta(hours=12), rest=0.0)).rows == 1
    database.close()


def test_without_a_time_nothing_is_removed(world, audit, prune):
    world.live(make_event(1))
    age(world, 1, days=3_000)
    audit()
    assert prune(Terms()).rows == 0
    assert kept(world) == ([1], 1)


def test_beside_the_stream_and_another_pruner(world, audit):
    """Everything that is committed is old at once, and pruned while more comes."""
    world.sql.execute(
        "alter table inorder.ledger alter applied_at"
        " set default clock_timestamp() - interval '2 days'"
    )
    orders = [f"order-{n}" for n in range(30)]
    done = threading.Event()
    failures = []

    def keep_pruning():
        database = Database(Settings(database_url=world.url))
        try:
            while not done.is_set():
                Pruner(Ledger(database)).run(DAY, now=True)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)
        finally:
            database.close()

    pruners = [threading.Thread(target=keep_pruning) for _ in range(2)]
    audit()
    for pruner in pruners:
        pruner.start()
    try:
        for version in range(1, 40):
            world.live(*(make_event(version, order_id=o) for o in orders))
    finally:
        done.set()
        for pruner in pruners:
            pruner.join()
    assert failures == []
    assert audit().faults == ()
    ((pruned,),) = world.rows("select rows_pruned from inorder.retention")
    ((left,),) = world.rows("select count(*) from inorder.ledger")
    assert pruned > 0
    assert pruned + left == len(orders) * 39
    assert {world.head(order_id) for order_id in orders} == {("open", 39)}


def test_it_needs_no_more_than_this(world, audit):
    world.live(make_event(1), make_event(2))
    age(world, 1)
    audit()
    role = f"pruner_{world.sql.info.backend_pid}"
    world.sql.execute(f"create role {role} login password 'x'")
    try:
        world.sql.execute(f"""
            grant usage on schema inorder to {role};
            grant select on all tables in schema inorder to {role};
            grant insert, update on inorder.head to {role};
            grant delete on inorder.ledger to {role};
            grant update on inorder.retention to {role};
        """)
        url = make_conninfo(world.url, user=role, password="x")  # noqa: S106 - of this test
        database = Database(Settings(database_url=url))
        assert Pruner(Ledger(database)).run(DAY).rows == 1
        database.close()
    finally:
        world.sql.execute(f"drop owned by {role}; drop role {role}")
