"""The batch: what is committed stays, and the checkpoint is the first record with anything left."""

import psycopg
import pytest

from consumer.arrivals import Record
from consumer.attempts import Interrupted
from consumer.batch import apply_batch
from consumer.faults import Fault
from consumer.transaction import TransactionFailed
from tests.consuming.events import arrive, make_event
from tests.consuming.scripted import ScriptedDatabase, failed, failing_for


def record(number: int, *order_ids: str) -> Record:
    return Record(
        sequence_number=str(number),
        arrivals=tuple(
            arrive(number, make_event(number, order_id=order_id), sub=i)
            for i, order_id in enumerate(order_ids)
        ),
    )


FOUR = [record(11, "A"), record(12, "B"), record(13, "A"), record(14, "C")]


def run(script: ScriptedDatabase, records, *, chunk_events: int = 100, reserve: float = 1.0):
    with script.in_use(reserve=reserve) as attempts:
        return apply_batch(records, attempts, chunk_events=chunk_events, drain=100)


def test_a_batch_is_one_transaction():
    script = ScriptedDatabase()
    applied = run(script, FOUR)
    assert (applied.checkpoint, applied.problem) == (None, None)
    assert [list(lanes) for lanes, _, _ in script.runs] == [["A", "B", "C"]]


def test_nothing_at_all_is_finished():
    script = ScriptedDatabase()
    assert run(script, []).checkpoint is None
    assert script.runs == []


def test_chunks_are_one_transaction_each():
    script = ScriptedDatabase()
    applied = run(script, FOUR, chunk_events=2)
    assert [list(lanes) for lanes, _, _ in script.runs] == [["A", "B"], ["A", "C"]]
    assert [done.applied for done in applied.committed] == [2, 2]


@pytest.mark.parametrize(
    ("left", "checkpoint"), [(9.0, None), (3.5, "14"), (2.5, "13"), (1.5, "12"), (0.5, "11")]
)
def test_the_checkpoint_is_the_first_record_without_time(left, checkpoint):
    script = ScriptedDatabase(left=left, seconds=lambda _: 1.0 if left < 9 else 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("consumer.attempts.Attempts._measure", lambda *_: None)
        applied = run(script, FOUR, chunk_events=1)
    assert applied.checkpoint == checkpoint
    assert sum(done.applied for done in applied.committed) == (
        4 if checkpoint is None else int(checkpoint) - 11
    )
    if checkpoint is not None:
        assert isinstance(applied.problem, Interrupted)


def test_an_outage_returns_the_first_record():
    script = ScriptedDatabase()
    script.outage = psycopg.OperationalError("connection refused")
    applied = run(script, FOUR)
    assert applied.checkpoint == "11"
    assert applied.committed == ()
    assert applied.problem.fault is Fault.TRANSIENT


def test_after_an_outage_no_later_chunk_is_tried():
    script = ScriptedDatabase(fails=lambda lanes: failed(Fault.TRANSIENT) if "B" in lanes else None)
    applied = run(script, FOUR, chunk_events=1)
    assert applied.checkpoint == "12"
    assert [list(lanes) for lanes, _, _ in script.runs] == [["A"], ["B"], ["B"]]


def test_a_hole_in_what_is_finished_is_the_checkpoint():
    """Careful mode commits order by order: record 13 is done, record 12 is not."""

    def fails(lanes):
        if len(lanes) > 1:
            return failed(Fault.DATA)
        return failed(Fault.STOP) if "B" in lanes else None

    applied = run(ScriptedDatabase(fails=fails), FOUR)
    assert applied.checkpoint == "12"
    assert sum(done.applied for done in applied.committed) == 2


def test_a_record_is_unfinished_while_one_of_its_events_is():
    def fails(lanes):
        if len(lanes) > 1:
            return failed(Fault.DATA)
        return failed(Fault.STOP) if "C" in lanes else None

    records = [record(11, "A", "B"), record(12, "A", "C"), record(13, "A")]
    assert run(ScriptedDatabase(fails=fails), records).checkpoint == "12"


def test_what_cannot_be_parked_is_returned_and_not_raised():
    script = ScriptedDatabase()

    def never(lanes, drain, blame):
        raise failed(Fault.DATA)

    script.run = never
    applied = run(script, FOUR)
    assert applied.checkpoint == "11"
    assert isinstance(applied.problem, TransactionFailed)


def test_a_culprit_is_parked_and_the_batch_is_finished():
    applied = run(ScriptedDatabase(fails=failing_for("B")), FOUR)
    assert applied.checkpoint is None
    assert [e.arrival.order_id for done in applied.committed for e in done.parked] == ["B"]


def test_lots_are_drained_when_the_records_are_done():
    script = ScriptedDatabase()
    script.drainable = {"A": 2, "C": 1}
    applied = run(script, FOUR)
    assert [dict.fromkeys(lanes) for lanes, _, _ in script.runs] == [
        {"A": None, "B": None, "C": None},
        {"A": None},
        {"A": None},
        {"C": None},
    ]
    assert applied.checkpoint is None


def test_a_lot_that_cannot_be_drained_now_asks_for_no_record_again():
    script = ScriptedDatabase(left=2.5, seconds=lambda _: 1.0)
    script.drainable = {"A": 5}
    applied = run(script, FOUR)
    assert applied.checkpoint is None
    assert isinstance(applied.problem, Interrupted)
    assert len(script.runs) == 2
