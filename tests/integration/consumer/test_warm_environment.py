"""What an execution environment keeps between invocations, and what it does not."""

import gc

from tests.consuming.batches import batch_of
from tests.consuming.events import make_event
from tests.consuming.invoking import FINISHED, environment
from tests.consuming.relay import Relay
from tests.consuming.tables import read_tables


def test_one_connection_serves_all_invocations(relay: Relay, relayed):
    for version in range(1, 6):
        assert relayed(batch_of([make_event(version)], start=version)) == FINISHED
    assert relay.connections == 1


def test_nothing_is_remembered_of_an_order(invoke, journal):
    """Another environment goes on with the order in between."""
    assert invoke(batch_of([make_event(1)])) == FINISHED
    journal.execute("update inorder.head set ordinal = 2")
    journal.execute(
        "insert into inorder.ledger (order_id, ordinal, id, digest, type)"
        " values ('A', 2, gen_random_uuid(), 7, 'note')"
    )
    journal.execute("update journal set seen = seen || 'of another'::text")
    assert invoke(batch_of([make_event(3)], start=3)) == FINISHED
    tables = read_tables(journal)
    assert tables.heads["A"] == (True, 3, "open")
    assert tables.journal["A"][1] == "of another"
    assert len(tables.journal["A"]) == 3


def test_what_is_imported_is_not_collected_again_and_again(database_url, journal):
    gc.unfreeze()
    with environment(database_url) as invoke:
        assert gc.get_freeze_count() == 0
        assert invoke(batch_of([make_event(1)])) == FINISHED
        assert gc.get_freeze_count() > 10_000
    gc.unfreeze()
