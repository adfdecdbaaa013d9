"""Each role gets what it needs and nothing else: the grants that a deployment has to make."""

import pytest
from psycopg.conninfo import make_conninfo

from consumer.audit.auditor import Auditor
from consumer.audit.tables import Tables
from consumer.database import Database
from consumer.settings import Settings
from ops import deciding
from ops.deciding import Reasoned
from tests.consuming.events import REFUSED, make_event
from tests.operating.grants import grants_in
from tests.operating.world import World


@pytest.fixture
def world(database_url):
    made = World(database_url)
    made.live(*(make_event(v, type=REFUSED if v == 2 else "note") for v in range(1, 4)))
    made.live(make_event(5, order_id="G"))
    yield made
    made.close()


@pytest.fixture
def as_role(world):
    """A database opened as a role of the test's own with the grants of this work."""
    made = []

    def open_(work):
        role = f"role_{world.sql.info.backend_pid}_{len(made)}"
        world.sql.execute(f"create role {role} login password 'x'")
        made.append(role)
        for grant in grants_in(work):
            world.sql.execute(f"grant {grant} to {role}")
        return Database(Settings(database_url=make_conninfo(world.url, user=role, password="x")))  # noqa: S106 - of a role that lives as long as the test

    yield open_
    for role in made:
        world.sql.execute(f"drop owned by {role}; drop role {role}")


def test_the_auditor_reads_and_keeps_its_place(world, as_role):
    database = as_role("auditor")
    world.sql.execute("update inorder.head set ordinal = 9 where order_id = 'A'")
    assert Auditor(Tables(database)).run().faults
    database.close()


def test_the_operator_decides(world, as_role):
    database = as_role("operator")
    why = Reasoned(who="x", because="y")
    (entry_id, *_) = world.entries()
    deciding.edit(database, entry_id, None, why)
    deciding.skip(database, entry_id, why)
    deciding.close_gap(database, "G", 2, why)
    assert deciding.import_heads(database, [("J", 36)], why) == []
    assert Auditor(Tables(database)).run().faults == ()
    database.close()
