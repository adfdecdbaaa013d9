"""A database that neither answers nor refuses is an outage: the invocation ends in order."""

import json

import psycopg

from local.environments.environment import Ending
from tests.consuming.batches import batch_of
from tests.consuming.events import make_event


def test_an_invocation_that_is_kept_waiting_ends_in_time(sql, consumers, database_url):
    pool = consumers(seconds=3.0)
    batch = json.dumps(batch_of([make_event(1), make_event(1, order_id="B")])).encode()
    assert pool.invoke(batch).result().answer == {"batchItemFailures": []}
    later = json.dumps(batch_of([make_event(2), make_event(2, order_id="B")], start=11)).encode()
    with psycopg.connect(database_url) as other:
        other.execute("select from inorder.head where order_id = 'A' for update")
        result = pool.invoke(later).result()
    assert result.ending is Ending.ANSWERED
    assert result.answer == {"batchItemFailures": [{"itemIdentifier": "11"}]}
    assert not sql.execute("select from inorder.delivery where deadline is not null").fetchall()
    assert pool.invoke(later).result().answer == {"batchItemFailures": []}
    assert not sql.execute("select from inorder.parking_lot").fetchall()
