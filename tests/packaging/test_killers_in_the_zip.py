"""A killer meets the consumer as built, in AWS's own runtime client, with 256 MB."""

import json

import pytest

from local.environments.environment import Ending
from tests.consuming.batches import batch_of
from tests.consuming.events import make_event
from tests.packaging.emulated import emulated
from tests.packaging.zips import ZIPS

PROJECTION = '''
import os

from contract import Event


class Deadly:
    """Nothing is kept. An event of type `exit` ends the process, one of type `swell` its memory."""

    def load(self, cursor, order_ids):
        return {}

    def apply(self, state, event: Event):
        if event.type == "exit":
            os._exit(9)
        kept = []
        while event.type == "swell":
            kept.append(b"x" * (1 << 20))
        return state or {}

    def save(self, cursor, states):
        cursor.execute("select 1")
'''
MEGABYTES = "256"


@pytest.fixture
def consumer(runnable, lambda_python, tools, tmp_path, database_url):
    (tmp_path / "deadly.py").write_text(PROJECTION)
    variables = {
        "DATABASE_URL": database_url,
        "PROJECTION": "deadly:Deadly",
        "PYTHONPATH": str(tmp_path),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": MEGABYTES,
    }
    built = runnable(ZIPS["consumer"])
    with emulated("consumer", built, lambda_python, tools, variables) as environment:
        yield environment


def batch(kind: str) -> bytes:
    events = [make_event(1), make_event(1, order_id="B")]
    events += [make_event(2, type=kind), make_event(3), make_event(2, order_id="B")]
    return json.dumps(batch_of(events)).encode()


def rest(sql):
    lot = "select version, kind, reason from inorder.parking_lot where order_id = 'A' order by 1"
    heads = "select order_id, ordinal from inorder.head"
    return sql.execute(lot).fetchall(), dict(sql.execute(heads).fetchall())


CONTAINED = [(2, "blocker", "killer"), (3, "follower", "follows")], {"A": 1, "B": 2}


def test_one_that_ends_the_process(consumer, sql):
    assert consumer.invoke(batch("exit")).ending is not Ending.ANSWERED
    assert consumer.invoke(batch("exit")).answer == {"batchItemFailures": []}
    assert rest(sql) == CONTAINED


def test_one_that_has_more_memory_than_the_function(consumer, sql):
    """Suspected from the beginning: nothing here would stop the first process from swelling."""
    sql.execute(
        "insert into inorder.delivery (environment, shard, first_sequence_number,"
        " last_sequence_number, marked_at, deadline)"
        " select gen_random_uuid(), %s, 0, 1e30, clock_timestamp(), clock_timestamp()",
        [json.loads(batch("swell"))["Records"][0]["eventID"].partition(":")[0]],
    )
    assert consumer.invoke(batch("swell")).answer == {"batchItemFailures": []}
    assert rest(sql) == CONTAINED
