"""The consumer's role needs these privileges, each of them, and no other."""

from urllib.parse import quote

import psycopg
import pytest

from local.postgres import Postgres
from tests.consuming.batches import batch, batch_of
from tests.consuming.events import REFUSED, make_event
from tests.consuming.invoking import FINISHED, environment, unfinished_from
from tests.consuming.tables import read_tables
from tests.operating.grants import grants_in

PRIVILEGES = [*grants_in("consumer"), "select, insert, update on journal"]
EACH = [
    f"{privilege.strip()} on {table}"
    for line in PRIVILEGES[1:]
    for privileges, _, table in [line.partition(" on ")]
    for privilege in privileges.split(",")
]


@pytest.fixture
def role(journal: psycopg.Connection, postgres: Postgres, database_url: str):
    """A role with nothing but these privileges; gives its name and its URL."""
    name, password = "inorder_app_of_a_test", "of the test"
    journal.execute(f"create role {name} login password '{password}'")
    for privilege in PRIVILEGES:
        journal.execute(f"grant {privilege} to {name}")
    user = f"postgresql://{name}:{quote(password)}"
    yield name, database_url.replace(postgres.url.partition("@")[0], user)
    journal.execute(f"drop owned by {name}")
    journal.execute(f"drop role {name}")


def everything(invoke) -> list[dict]:
    """Batches in which every statement of the consumer is sent: the answers."""
    bad = make_event(1, order_id="Z", type="bug")
    return [
        invoke(batch_of([bad], start=1)),
        invoke(batch_of([make_event(1), make_event(3), make_event(4, type=REFUSED)], start=11)),
        invoke(batch_of([make_event(2), make_event(2), make_event(5)], start=21)),
        invoke(batch(("k\0", b"no event"), ("B", b"no event"), start=31)),
    ]


def test_they_are_enough(role, journal):
    _, url = role
    with environment(url, PROJECTION="tests.consuming.buggy:Buggy") as invoke:
        assert everything(invoke) == [FINISHED] * 4
    tables = read_tables(journal)
    assert tables.heads["A"] == (True, 3, "parked")
    assert [e.kind for e in tables.lot["A"]] == ["blocker", "follower"]


@pytest.mark.parametrize("privilege", EACH)
def test_each_is_needed_and_without_it_nothing_is_parked_for_it(role, journal, privilege):
    name, url = role
    journal.execute(f"revoke {privilege} from {name}")
    with environment(url, PROJECTION="tests.consuming.buggy:Buggy") as invoke:
        answers = everything(invoke)
    if privilege == "select on inorder.decision":
        # Asked where an operator has decided something, and where bytes of no order are parked.
        assert answers[3] == unfinished_from(31)
    assert any(answer != FINISHED for answer in answers)
