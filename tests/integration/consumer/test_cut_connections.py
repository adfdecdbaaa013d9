"""The connection is cut at every statement, before it and after it: nothing lost, nothing twice."""

import pytest

from tests.consuming.batches import batch_of
from tests.consuming.events import REFUSED, make_event
from tests.consuming.invoking import FINISHED, unfinished_from
from tests.consuming.relay import Relay, statement
from tests.consuming.tables import read_tables

EARLY = [make_event(1), make_event(4), make_event(1, order_id="B")]
SENT = [
    make_event(2),
    make_event(3),
    make_event(2, order_id="B", type=REFUSED),
    make_event(3, order_id="B"),
    make_event(1, order_id="C"),
    make_event(1, order_id="C", other="data"),
    make_event(name="first", order_id="without versions"),
    make_event(name="second", order_id="without versions"),
]

STATEMENTS = {
    "the marker": "with tidied as (",
    "begin": "begin",
    "add heads": "insert into inorder.head (order_id)",
    "lock heads": "select head.order_id",
    "ledger": "select asked.order_id, known.id, known.ordinal",
    "lot": "select asked.order_id, known.id, known.version",
    "waiting": "select asked.order_id, first.entry_id",
    "load": "select order_id, seen from journal",
    "save": "insert into journal",
    "advance": "with applied as (",
    "park": "insert into inorder.parking_lot",
    "unpark": "delete from inorder.parking_lot",
    "commit": "commit",
}


pytestmark = pytest.mark.usefixtures("pipeline")


def start_again(relayed, journal) -> None:
    """The tables as EARLY leaves them."""
    for table in ("inorder.head", "inorder.ledger", "inorder.parking_lot", "journal"):
        journal.execute(f"delete from {table}")
    assert relayed(batch_of(EARLY)) == FINISHED


@pytest.fixture
def expected(relayed, journal):
    """The tables as they are where nothing is cut; emptied again."""
    start_again(relayed, journal)
    assert relayed(batch_of(SENT, start=50)) == FINISHED
    tables = read_tables(journal)
    assert {o: head[2] for o, head in tables.heads.items()} == {
        "A": "open",
        "B": "parked",
        "C": "parked",
        "without versions": "open",
    }
    return tables


@pytest.mark.parametrize("when", ["before", "after"])
def test_cut_once_at_every_statement_the_second_try_finishes(
    relay: Relay, relayed, journal, expected, when
):
    for name, text in STATEMENTS.items():
        start_again(relayed, journal)
        connections = relay.connections
        getattr(relay, f"break_{when}")(statement(text))
        assert relayed(batch_of(SENT, start=50)) == FINISHED, name
        assert relay.connections == connections + 1, name
        assert read_tables(journal) == expected, name


@pytest.mark.parametrize("when", ["before", "after"])
def test_cut_again_and_again_it_comes_again(
    relay: Relay, relayed, journal, expected, when, pipeline
):
    # In a pipeline the commit is on its way before anything after `load` is answered.
    done = {("commit", "after")} | ({("advance", "after")} if pipeline else set())
    for name in ("the marker", "load", "advance", "commit"):
        start_again(relayed, journal)
        getattr(relay, f"break_{when}")(statement(STATEMENTS[name]), times=4)
        answers = [relayed(batch_of(SENT, start=50)) for _ in range(2)]
        assert answers == [unfinished_from(50)] * 2, name
        if (name, when) in done:
            # Done, and never heard of: every further try skips all of it.
            assert read_tables(journal) == expected
        else:
            assert read_tables(journal).heads["A"] == (True, 1, "gap"), name
        assert relayed(batch_of(SENT, start=50)) == FINISHED, name
        assert read_tables(journal) == expected, name
