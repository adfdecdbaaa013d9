"""The happy path pays one round trip per batch for killers, counted on the wire."""

from uuid import UUID

import pytest

from consumer.arrivals import read_batch
from consumer.attempts import Attempts
from consumer.batch import apply_batch
from consumer.database import Database
from consumer.delivery import Delivery
from consumer.deploys import Code
from consumer.settings import read
from tests.consuming.batches import batch_of
from tests.consuming.events import make_event
from tests.consuming.journal import SCHEMA
from tests.consuming.relay import Relay
from tests.consuming.setwise import Setwise


@pytest.mark.parametrize("chunk_events", [100, 7], ids=["one chunk", "three chunks"])
def test_one_round_trip_more(postgres, sql, database_url, chunk_events):
    sql.execute(SCHEMA)
    with Relay(postgres.port) as relay:
        database = Database(read({"DATABASE_URL": relay.url(database_url)}))
        database.open()
        counts = {}
        for marked in (False, True):
            records = read_batch(
                batch_of(
                    [make_event(1, order_id=f"{marked}-{n}") for n in range(20)],
                    start=1 + 100 * marked,
                )
            )
            attempts = Attempts(database, Setwise(), lambda: 60.0, 1.0, Code(version="v1", most=5))
            delivery = Delivery(attempts, environment=UUID(int=1), shard="shard-0")
            with relay.counting() as counted:
                applied = apply_batch(
                    records,
                    attempts,
                    chunk_events=chunk_events,
                    drain=10,
                    delivery=delivery if marked else None,
                )
            assert applied.checkpoint is None
            counts[marked] = counted[0]
        database.close()
    assert counts[True] == counts[False] + 1
    assert not sql.execute("select from inorder.delivery where deadline is not null").fetchall()
