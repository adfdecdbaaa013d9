"""No commit slips under the watermark, and the lag says how far the audit is behind."""

import psycopg
import pytest

from consumer.audit.auditor import Auditor, Scope
from consumer.audit.tables import Tables
from consumer.database import Database
from consumer.settings import Settings
from tests.consuming.events import make_event
from tests.operating.world import World

AT_ONCE = Scope(sweep=0, settle_seconds=0.0)

ROW = (
    "insert into inorder.ledger (order_id, ordinal, id, digest, type) "
    "values ('A', %s, gen_random_uuid(), 1, 'note')"
)


@pytest.fixture
def world(database_url):
    made = World(database_url)
    made.live(make_event(1), make_event(2))
    yield made
    made.close()


@pytest.fixture
def audit(world):
    database = Database(Settings(database_url=world.url))
    yield lambda scope=AT_ONCE, **given: Auditor(Tables(database), **given).run(scope)
    database.close()


def test_a_row_that_is_committed_late_is_audited_late_and_never_passed_over(world, audit):
    with psycopg.connect(world.url) as writer:
        writer.execute(ROW, [7])  # beyond the head: a fault that has to be found
        behind = audit()
        assert behind.faults == ()
        assert behind.lag_seconds >= 0
        world.sql.execute(
            "update inorder.audit set audited_to = clock_timestamp() - interval '9 s'"
        )
        still = audit()
        assert (still.faults, still.rows) == ((), 0)
        assert still.lag_seconds >= 9
    caught_up = audit()
    assert {fault.name for fault in caught_up.faults} == {"beyond_head", "gap"}
    assert caught_up.lag_seconds < 5


def test_a_run_waits_a_moment_for_what_runs_just_then(world, audit):
    world.live(make_event(3))
    result = audit(Scope(sweep=0))
    assert result.rows == 3
    assert result.lag_seconds < 5


def test_a_mark_of_a_later_time_than_the_database_s_is_made_anew(world, audit):
    """A database restored to before it was audited."""
    audit()
    world.sql.execute("update inorder.audit set marker = '9000000000'")
    result = audit(Scope(sweep=0))
    assert result.lag_seconds < 5


def test_the_next_run_goes_on_where_the_time_ran_out(world, audit):
    world.sql.execute("update inorder.audit set audited_to = audited_to - interval '3 hours'")
    looks = iter([True, True, False])
    first = audit(in_time=lambda: next(looks, False))
    assert not first.finished
    assert first.lag_seconds > 60
    second = audit()
    assert (second.finished, second.rows) == (True, 2)


def test_a_second_audit_reads_only_the_last_seconds_again(world, audit):
    audit(Scope(sweep=0))
    world.sql.execute("update inorder.ledger set applied_at = applied_at - interval '1 hour'")
    assert audit(Scope(sweep=0)).rows == 0
    world.live(make_event(3))
    assert audit(Scope(sweep=0)).rows == 1
