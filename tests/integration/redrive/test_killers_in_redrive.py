"""A redrive that an event kills: the next ones find out which, and refuse it unrun."""

import subprocess
import sys
from pathlib import Path

import pytest

from consumer.database import Database
from consumer.delivery import Delivery
from consumer.deploys import Code
from consumer.redrive.lots import Bound
from consumer.redrive.orders import Which, redrive_order, redrive_orders
from consumer.redrive.replay import Means
from consumer.settings import Settings
from tests.consuming.events import REFUSED, id_of, make_event
from tests.operating.world import World

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def world(database_url):
    made = World(database_url)
    yield made
    made.close()


def redrive_in_a_process(world):
    """Redrive order A where events of type `deadly` end the process; its exit code."""
    code = "from tests.operating.redrive_and_die import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, world.url, "A"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode


def test_the_killer_among_followers_is_found_and_refused_without_being_run(world):
    world.live(*(make_event(v, type={1: REFUSED, 4: "deadly"}.get(v, "note")) for v in range(1, 7)))
    codes = [redrive_in_a_process(world) for _ in range(2)]
    assert codes == [9, 0], "the second one watches others die"
    assert world.names() == ["1", "2", "3"]
    assert world.lot()[0][:2] == ("blocker", "killer")
    assert world.head() == ("parked", 3)
    assert world.rows("select from inorder.delivery where deadline is not null") == []
    assert world.redrive_all() == [], "only who asks for killers runs one again"


def test_who_asks_for_a_known_killer_does_not_die_of_it(world):
    world.live(*(make_event(v, type={1: REFUSED, 2: "deadly"}.get(v, "note")) for v in (1, 2, 3)))
    assert [redrive_in_a_process(world) for _ in range(2)] == [9, 0]
    attempts = world.lot()[0][2]
    assert redrive_in_a_process(world) == 0
    assert world.lot()[0][:3] == ("blocker", "killer", attempts + 1)
    assert world.names() == ["1"]


def means(world, version):
    database = Database(Settings(database_url=world.url))
    attempts = world.attempts(database, code=Code(version=version))
    delivery = Delivery(attempts, environment=id_of(version))
    return Means(attempts, delivery, Bound()), database


def test_what_failed_under_one_version_is_tried_once_by_the_next(world):
    world.notes.breaks = {"new"}
    world.live(make_event(1, type="new"), make_event(1, order_id="B", type=REFUSED))
    assert [row[1] for row in world.lot()] == ["failed"]
    second, database = means(world, "v2")
    outdated = Which(outdated=True)
    assert [done.order_id for done in redrive_orders(second, outdated)] == ["A"]
    assert world.lot()[0][2] == 1
    assert list(redrive_orders(second, outdated)) == [], "it failed under v2 as well"
    database.close()
    world.notes.breaks = set()
    third, database = means(world, "v3")
    assert [done.applied for done in redrive_orders(third, outdated)] == [1]
    assert world.head() == ("open", 1)
    assert world.head("B") == ("parked", 0), "a rejection is nobody's bug"
    database.close()


def test_a_redrive_in_order_leaves_no_marker(world):
    world.live(make_event(1, type=REFUSED))
    world.notes.refuses.clear()
    used, database = means(world, "v1")
    assert redrive_order(used, "A").applied == 1
    assert world.rows("select from inorder.delivery where deadline is not null") == []
    database.close()
