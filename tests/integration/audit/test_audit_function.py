"""The audit function: metrics and log lines a person can alarm on."""

import json

import pytest

from consumer.audit import handler as entry
from tests.consuming.events import REFUSED, make_event
from tests.operating.world import World


class _Context:
    function_name = "audit"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:audit"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self):
        return 60_000


@pytest.fixture
def world(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    entry.parts.cache_clear()
    made = World(database_url)
    yield made
    entry.parts().database.close()
    entry.parts.cache_clear()
    made.close()


@pytest.fixture
def call(capsys):
    """Invoke it; its answer and its metrics."""

    def call_():
        answer = entry.handler({"source": "aws.events"}, _Context())
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        metrics = next(line for line in lines if "_aws" in line)
        return answer, metrics

    return call_


def test_sound_tables(world, call):
    world.live(*(make_event(v, type=REFUSED if v == 2 else "note") for v in range(1, 4)))
    answer, metrics = call()
    assert (answer["finished"], answer["faults"], answer["rows"]) == (True, 0, 1)
    assert metrics["AuditFaults"] == [0.0]
    assert metrics["OrdersParked"] == [1.0]
    assert metrics["EventsWaiting"] == [2.0]
    assert metrics["AuditLagSeconds"][0] < 10


def test_a_fault_is_a_metric_and_a_line_without_payload(world, call):
    world.live(make_event(1), make_event(2))
    world.sql.execute("delete from inorder.ledger where ordinal = 1")
    answer, metrics = call()
    assert answer["faults"] == 1
    assert metrics["AuditFaults"] == [1.0]


def test_a_database_that_does_not_answer_is_an_unfinished_audit(world, call, monkeypatch):
    entry.parts.cache_clear()
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:1/none")
    answer, metrics = call()
    assert not answer["finished"]
    assert metrics["AuditUnfinished"] == [1.0]


def test_what_is_audited_and_old_is_pruned(world, call, monkeypatch):
    monkeypatch.setenv("LEDGER_RETENTION_DAYS", "1")
    world.live(make_event(1), make_event(2))
    world.sql.execute(
        "update inorder.ledger set applied_at = applied_at - interval '2 days' where ordinal = 1"
    )
    answer, metrics = call()
    assert (answer["pruned"], answer["faults"]) == (1, 0)
    assert metrics["LedgerRowsPruned"] == [1.0]


def test_pruning_that_is_hindered_hinders_no_audit(world, call, monkeypatch):
    monkeypatch.setenv("LEDGER_RETENTION_DAYS", "1")
    world.live(make_event(1))
    world.sql.execute("alter table inorder.retention rename to elsewhere")
    answer, metrics = call()
    assert (answer["finished"], answer["rows"], answer["pruned"]) == (True, 1, 0)
    assert metrics["AuditUnfinished"] == [0.0]
