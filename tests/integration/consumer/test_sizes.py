"""The largest events and the largest batches, in the memory of a small function."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator

from contract import encode_event
from contract.event import MAX_EVENT_BYTES
from tests.consuming.batches import batch, batch_of
from tests.consuming.events import REFUSED, make_event
from tests.consuming.invoking import FINISHED, environment
from tests.consuming.tables import read_tables

PROJECT = Path(__file__).parents[3]

IN_A_CHILD = """
import json, sys
from pathlib import Path
from consumer.handler import handler
from tests.consuming.invoking import Context
answers = [handler(json.loads(line), Context(60)) for line in sys.stdin]
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([answers, int(status["VmHWM"].split()[0]) // 1024]))
"""


def in_a_child(database_url: str, *events: dict, **variables: str) -> tuple[list, int]:
    """The answers of a process of its own to these invocations, and the most memory it used, MB.

    As /proc has it: what `getrusage` says begins with the memory of the process it was forked from.
    """
    if not sys.platform.startswith("linux"):
        pytest.skip("memory is read from /proc")
    done = subprocess.run(
        [sys.executable, "-c", IN_A_CHILD],
        input="\n".join(json.dumps(event) for event in events),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT),
            "DATABASE_URL": database_url,
            "PROJECTION": "tests.consuming.setwise:Setwise",
            **variables,
        },
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answers, megabytes = json.loads(done.stdout.splitlines()[-1])
    return answers, megabytes


def sized(version: int, size: int, order_id: str = "A", **data):
    """An event of exactly this many bytes."""
    room = size - len(encode_event(make_event(version, order_id=order_id, text="", **data)))
    return make_event(version, order_id=order_id, text="x" * room, **data)


@pytest.mark.parametrize("orders", [10_000, 2_000, 1])
def test_ten_thousand_events_fit_into_256_mb(database_url, journal, orders):
    events = [sized(1 + i // orders, 250, order_id=f"order-{i % orders:05}") for i in range(10_000)]
    answers, megabytes = in_a_child(database_url, batch_of(events))
    assert answers == [FINISHED]
    assert megabytes < 256
    assert journal.execute("select count(*) from inorder.ledger").fetchone() == (10_000,)


def test_six_megabytes_of_large_events_fit_into_256_mb(database_url, journal):
    """Lambda's limit of an invocation: 6 MB, in base64."""
    events = [sized(v, 1_000_000) for v in range(1, 5)]
    early = [sized(v, 1_000_000, order_id="B") for v in range(2, 6)]
    late = [sized(1, 1_000_000, order_id="B"), sized(6, 1_000_000, order_id="B")]
    answers, megabytes = in_a_child(
        database_url, batch_of(events), batch_of(early, start=10), batch_of(late, start=20)
    )
    assert answers == [FINISHED] * 3
    assert megabytes < 256
    assert read_tables(journal).heads == {"A": (True, 4, "open"), "B": (True, 6, "open")}


def test_the_largest_event_is_applied_and_one_byte_more_is_parked(invoke, journal):
    largest = sized(1, MAX_EVENT_BYTES)
    larger = encode_event(sized(1, MAX_EVENT_BYTES + 1, order_id="B"))
    assert invoke(batch_of([largest])) == FINISHED
    assert invoke(batch(("B", larger), start=2)) == FINISHED
    tables = read_tables(journal)
    assert len(tables.ledger["A"]) == 1
    assert [(e.reason, len(e.payload)) for e in tables.lot["B"]] == [
        ("unreadable", MAX_EVENT_BYTES + 1)
    ]


def test_a_large_event_is_parked_whole(invoke, journal):
    refused = sized(1, 900_000, type=REFUSED)
    assert invoke(batch_of([refused])) == FINISHED
    assert read_tables(journal).lot["A"][0].payload == encode_event(refused)


def test_one_record_with_more_events_than_a_chunk(database_url, journal):
    aggregator = RecordAggregator()
    for version in range(1, 3_001):
        aggregator.add_user_record("A", encode_event(make_event(version)), None)
    key, _, data = aggregator.clear_and_get().get_contents()
    with environment(
        database_url, CHUNK_EVENTS="100", PROJECTION="tests.consuming.setwise:Setwise"
    ) as invoke:
        assert invoke(batch((key, data))) == FINISHED
    assert read_tables(journal).heads["A"] == (True, 3_000, "open")


def test_foreign_aggregates_of_many_orders(invoke, journal):
    """As any KPL makes them: under the first record's key, with some explicit hash keys."""
    records = []
    for part in range(3):
        aggregator = RecordAggregator()
        for i in range(100):
            event = make_event(1 + i // 20 + 5 * part, order_id=f"order-{i % 20}")
            hash_key = str(i) if i % 3 else None
            aggregator.add_user_record(event.order_id, encode_event(event), hash_key)
        key, _, data = aggregator.clear_and_get().get_contents()
        records.append((key, data))
    assert invoke(batch(*records)) == FINISHED
    tables = read_tables(journal)
    assert set(tables.heads.values()) == {(True, 15, "open")}
    assert len(tables.heads) == 20
    assert invoke(batch(*records)) == FINISHED
    assert read_tables(journal) == tables


def test_a_lot_of_large_events_is_drained_in_256_mb(database_url, journal):
    """A hundred of the largest events, of which as many entries as one transaction may drain."""
    early = [
        batch_of([sized(v, 1_000_000) for v in range(first, first + 4)], start=first)
        for first in range(2, 102, 4)
    ]
    answers, megabytes = in_a_child(
        database_url, *early, batch_of([make_event(1), make_event(102)], start=500)
    )
    assert answers == [FINISHED] * 26
    assert read_tables(journal).heads["A"] == (True, 102, "open")
    assert megabytes < 256
