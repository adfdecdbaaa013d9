"""The deadline: what was committed stays, the rest is returned from the exact record on."""

import psycopg
import pytest

from consumer.handler import handler
from tests.consuming.batches import batch_of
from tests.consuming.checked import SCHEMA
from tests.consuming.events import make_event
from tests.consuming.invoking import FINISHED, environment, unfinished_from
from tests.consuming.tables import read_tables

SENT = [make_event(v, order_id=o) for v in range(1, 11) for o in "ABCDE"]
"""Fifty events: ten chunks of five, each with one event of every order."""


class UntilApplied:
    """Lambda's context: the time is up as soon as the ledger holds so many rows."""

    def __init__(self, journal: psycopg.Connection, rows: int) -> None:
        self._journal = journal
        self._rows = rows

    def get_remaining_time_in_millis(self) -> int:
        (rows,) = self._journal.execute("select count(*) from inorder.ledger").fetchone()
        return 60_000 if rows < self._rows else 0


@pytest.mark.parametrize("committed", [0, 5, 25, 45])
def test_the_rest_is_returned_and_a_redelivery_completes(database_url, journal, committed):
    with environment(database_url, CHUNK_EVENTS="5") as invoke:
        answer = handler(batch_of(SENT, start=100), UntilApplied(journal, committed))
        assert answer == unfinished_from(100 + committed)
        assert sum(len(rows) for rows in read_tables(journal).ledger.values()) == committed
        assert invoke(batch_of(SENT[committed:], start=100 + committed)) == FINISHED
    tables = read_tables(journal)
    assert {len(seen) for seen in tables.journal.values()} == {10}
    assert {head[2] for head in tables.heads.values()} == {"open"}


def test_a_redelivery_of_the_whole_batch_completes_as_well(database_url, journal):
    with environment(database_url, CHUNK_EVENTS="5") as invoke:
        answer = handler(batch_of(SENT, start=100), UntilApplied(journal, 30))
        assert answer == unfinished_from(130)
        assert invoke(batch_of(SENT, start=100)) == FINISHED
    assert {len(seen) for seen in read_tables(journal).journal.values()} == {10}


def test_with_less_than_the_reserve_nothing_is_begun(database_url, journal):
    with environment(database_url, RESERVE_SECONDS="5") as invoke:
        assert invoke(batch_of(SENT, start=100), seconds=4.9) == unfinished_from(100)
        assert read_tables(journal).heads == {}
        assert invoke(batch_of(SENT, start=100), seconds=30) == FINISHED


def test_time_that_ends_in_careful_mode_leaves_a_hole_at_the_checkpoint(database_url, sql):
    """The orders are halved: A and B are committed, C (which cannot be saved) and D are not."""
    sql.execute(SCHEMA)
    sent = [make_event(v, order_id=o, amount="1") for v in (1, 2) for o in "ABCD"]
    sent[2] = make_event(1, order_id="C", amount="-9")
    with environment(database_url, PROJECTION="tests.consuming.checked:Checked") as invoke:
        answer = handler(batch_of(sent, start=100), UntilApplied(sql, 4))
        assert answer == unfinished_from(102)
        assert {o: len(rows) for o, rows in read_tables(sql).ledger.items()} == {"A": 2, "B": 2}
        assert invoke(batch_of(sent[2:], start=102)) == FINISHED
    tables = read_tables(sql)
    assert {o: head[2] for o, head in tables.heads.items()} == {
        "A": "open",
        "B": "open",
        "C": "parked",
        "D": "open",
    }
