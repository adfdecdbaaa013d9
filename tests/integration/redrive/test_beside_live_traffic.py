"""Redrive beside live traffic and a second redrive, and in bounded memory: trap 15."""

import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from consumer.attempts import Interrupted
from consumer.database import Database
from consumer.redrive.orders import redrive_order
from consumer.settings import Settings
from tests.consuming.events import REFUSED, make_event
from tests.operating.world import World

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def world(database_url):
    made = World(database_url)
    yield made
    made.close()


def in_thread(work):
    """Run it in a thread; the result's `join` raises what it raised."""
    outcome = {}

    def run():
        try:
            outcome["result"] = work()
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            outcome["error"] = error

    thread = threading.Thread(target=run)
    thread.start()

    def join():
        thread.join(60)
        assert not thread.is_alive()
        if "error" in outcome:
            raise outcome["error"]
        return outcome.get("result")

    return join


def test_two_redrives_and_live_traffic_at_once_keep_the_order(world):
    """Small turns, so that they interleave; the projection notes what was applied, and when."""
    count = 400
    world.live(*(make_event(v, type=REFUSED if v == 1 else "note") for v in range(1, 101)))
    world.notes.refuses.clear()

    def redrive():
        database = Database(Settings(database_url=world.url))
        try:
            return [
                redrive_order(world.means(world.attempts(database), entries=3), "A").applied
                for _ in range(20)
            ]
        finally:
            database.close()

    def live():
        for first in range(101, count, 10):
            world.live(*(make_event(v) for v in range(first, first + 10)))

    joins = [in_thread(redrive), in_thread(redrive), in_thread(live)]
    for join in joins:
        join()
    world.redrive()
    assert world.names() == [str(v) for v in range(1, count + 1)]
    assert world.head() == ("open", count)
    assert world.lot() == []


def test_an_order_that_somebody_holds_is_left_after_the_lock_time_out(world):
    world.live(make_event(1, type=REFUSED))
    world.live(make_event(1, order_id="B", type=REFUSED))
    world.notes.refuses.clear()
    world.sql.execute(
        "do $$ begin execute format('alter database %I set lock_timeout = %L', "
        "current_database(), '100ms'); end $$"
    )
    with psycopg.connect(world.url) as zombie:
        zombie.execute("select from inorder.head where order_id = 'A' for update")
        held, free = world.redrive_all()
    assert (held.order_id, held.applied) == ("A", 0)
    assert "busy" in held.problem
    assert (free.order_id, free.applied) == ("B", 1)
    assert world.lot() == [("blocker", "rejected", 0, 1)], "an attempt nobody made is not counted"
    assert world.redrive().applied == 1


def test_an_outage_interrupts_and_blames_nobody(world):
    world.live(*(make_event(v, type=REFUSED if v == 1 else "note") for v in range(1, 10)))
    before = world.lot()
    world.notes.refuses.clear()
    away = Database(Settings(database_url="postgresql://postgres@127.0.0.1:1/none"))
    with pytest.raises(Interrupted, match="connecting"):
        redrive_order(world.means(world.attempts(away)), "A")
    assert world.lot() == before


def test_what_was_committed_before_the_time_ran_out_stays(world):
    world.live(*(make_event(v, type=REFUSED if v == 1 else "note") for v in range(1, 10)))
    world.notes.refuses.clear()
    turns = []
    attempts = world.attempts(remaining=lambda: 1.0 if len(turns) < 2 else -1.0)
    with pytest.raises(Interrupted, match="left of this invocation"):
        redrive_order(world.means(attempts, entries=2), "A", on_turn=turns.append)
    assert world.head() == ("parked", 4)
    assert world.names() == ["1", "2", "3", "4"]
    assert world.redrive().applied == 5


def test_a_killer_is_left_to_who_asks_for_it_and_the_attempt_is_counted_first(world):
    world.live(make_event(1, type=REFUSED), make_event(2))
    world.live(make_event(1, order_id="B", type=REFUSED))
    world.sql.execute(
        "update inorder.parking_lot set reason = 'killer' where order_id = 'A' and version = 1"
    )
    world.notes.refuses.clear()
    assert [done.order_id for done in world.redrive_all()] == ["B"]
    seen = []

    def kill(state, event):
        seen.append(world.rows("select attempts from inorder.parking_lot where version = 1"))
        raise KeyboardInterrupt

    world.notes.apply = kill
    with pytest.raises(KeyboardInterrupt):
        world.redrive()
    assert seen == [[(1,)]], "committed before the killer ran"
    assert world.lot()[0][2] == 1
    world.database.close()
    del world.notes.apply
    assert [done.applied for done in world.redrive_all(reason="killer")] == [2]


def test_100_000_followers_redrive_in_bounded_memory(world):
    world.live(make_event(1, type=REFUSED))
    world.sql.execute(
        """
        insert into inorder.parking_lot (order_id, rank, kind, reason, id, version, digest,
                                         sequence_number, sub_sequence_number, payload)
        select 'A', v, 'follower', 'follows', gen_random_uuid(), v, v, 1000 + v, 0,
               convert_to(format(
                   '{"id": "%s", "source": "t", "type": "note", "order_id": "A", '
                   '"time": "2026-05-04T12:00:00Z", "version": %s, "data": {"pad": "%s"}}',
                   gen_random_uuid(), v, repeat('x', 1000)), 'UTF8')
        from generate_series(2, 100001) as v
        """
    )
    code = "from tests.operating.redrive_in_a_process import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, world.url, "A"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    applied, before, peak = map(int, done.stdout.split())
    assert applied == 100_001
    assert world.head() == ("open", 100_001)
    assert peak - before < 64 * 1024, f"{before} kB before, {peak} kB at the peak"
