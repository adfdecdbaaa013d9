"""The smoke test: events in at both ends, through LocalStack's own mapping, out in PostgreSQL."""

import json
from pathlib import Path

import pytest

from contract import encode_event
from local.demo.workload import generate
from producer import Producer
from tests.consuming.tables import read_tables
from tests.consuming.waiting import until
from tests.events.generate import TEAPOT
from tests.faults.verdict import undisturbed
from tests.localstack.deployed import Stack
from tests.localstack.migrating import migrate

EVENTS = Path(__file__).resolve().parents[1] / "events"


@pytest.fixture
def invoke(stack: Stack):
    client = stack.client("lambda")

    def call(output: str, event: dict | bytes):
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        answer = client.invoke(FunctionName=stack.outputs[output], Payload=payload)
        body = answer["Payload"].read()
        assert "FunctionError" not in answer, body
        return json.loads(body)

    return call


def test_what_the_producer_function_takes_is_applied_in_order(invoke, sql):
    request = json.loads((EVENTS / "api-one.json").read_text())
    for event in TEAPOT:
        answer = invoke("ProducerFunctionName", request | {"body": encode_event(event).decode()})
        assert answer["statusCode"] == 202, answer
    until(lambda: read_tables(sql).heads, seconds=30)
    until(lambda: read_tables(sql).heads["teapot"] == (True, 4, "open"), seconds=30)
    assert [row.id for row in read_tables(sql).ledger["teapot"]] == [event.id for event in TEAPOT]
    assert sql.execute("select status from orders").fetchall() == [("shipped",)]


def test_what_the_library_sends_is_applied_in_order(stack, endpoint, sql):
    """Life cycles that break the rules, hot orders and re-sends among them."""
    sent = [send.event for send in generate(7, 600)]
    with Producer(stack.outputs["StreamName"], endpoint.client()) as producer:
        receipts = [producer.send(event) for event in sent]
    assert all(receipt.result() for receipt in receipts)
    expected = undisturbed(sent)
    wanted = sum(len(ledger) + len(lot) for _, ledger, lot in (expected[o] for o in expected if o))

    def arrived():
        tables = read_tables(sql)
        return sum(map(len, tables.ledger.values())) + sum(map(len, tables.lot.values()))

    until(lambda: arrived() >= wanted, seconds=60, every=0.2)
    tables = read_tables(sql)
    for order_id in filter(None, expected):
        head, ledger, lot = expected[order_id]
        assert tables.heads[order_id] == head
        assert [(row.ordinal, row.id) for row in tables.ledger.get(order_id, ())] == [
            row[:2] for row in ledger
        ]
        assert [entry.payload for entry in tables.lot.get(order_id, ())] == [e[3] for e in lot]


def test_the_auditor_finds_the_tables_sound_until_a_row_is_gone(invoke, stack, endpoint, sql):
    with Producer(stack.outputs["StreamName"], endpoint.client()) as producer:
        for receipt in [producer.send(event) for event in TEAPOT]:
            receipt.result()
    until(lambda: len(read_tables(sql).ledger.get("teapot", ())) == len(TEAPOT), seconds=30)
    answer = invoke("AuditorFunctionName", (EVENTS / "schedule.json").read_bytes())
    assert (answer["finished"], answer["faults"]) == (True, 0)
    assert answer["rows"] == len(TEAPOT)
    sql.execute("delete from inorder.ledger where ordinal = 2")
    answer = invoke("AuditorFunctionName", (EVENTS / "schedule.json").read_bytes())
    assert answer["finished"], answer
    assert answer["faults"] > 0


def test_the_mapping_is_told_what_the_template_says(stack):
    mapping = stack.client("lambda").get_event_source_mapping(
        UUID=stack.outputs["ConsumerMappingId"]
    )
    bucket = f"arn:aws:s3:::{stack.outputs['OnFailureBucketName']}"
    assert mapping["EventSourceArn"] == stack.outputs["StreamArn"]
    assert mapping["FunctionArn"].endswith(f":{stack.outputs['ConsumerFunctionName']}:live")
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (500, 0)
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["ParallelizationFactor"] == 2
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (-1, -1)
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == bucket


def test_no_function_is_told_a_password(stack, passwords):
    client = stack.client("lambda")
    outputs = [name for name in stack.outputs if name.endswith("FunctionName")]
    assert len(outputs) >= 5, outputs
    for output in outputs:
        found = client.get_function_configuration(FunctionName=stack.outputs[output])
        told = json.dumps(found["Environment"]["Variables"])
        assert not [role for role, password in passwords.items() if password in told]


def test_the_migrator_answers_again_that_all_is_done(stack, database, parameters, sql):
    answer = migrate(stack, secret_arn=parameters["DatabaseSecretArn"])
    assert (answer["Status"], answer["Data"]["Applied"]) == ("SUCCESS", ""), answer
    timeouts = sql.execute("select rolconfig from pg_roles where rolname = 'inorder_app'")
    assert any("lock_timeout" in setting for setting in timeouts.fetchone()[0])
