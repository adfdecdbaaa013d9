"""A transaction against the clock, and a second try where one may help."""

import psycopg
import pytest

from consumer.attempts import Interrupted
from consumer.faults import Fault, NotDurable
from consumer.transaction import TransactionFailed
from tests.consuming.events import arrive, make_event
from tests.consuming.scripted import ScriptedDatabase, failed, failing_for

LANES = {"A": [arrive(1, make_event(1)), arrive(2, make_event(2))]}


def lanes_of(events: int, order_id: str = "A"):
    return {order_id: [arrive(1, make_event(1))] * events}


def failures(*faults: Fault | None):
    """The first transactions fail with these, what comes after succeeds."""
    left = list(faults)
    return lambda _: (fault := left.pop(0) if left else None) and failed(fault)


def test_once_is_enough():
    script = ScriptedDatabase()
    with script.in_use() as attempts:
        assert attempts.commit(LANES, drain=7).applied == 2
    assert script.runs == [(LANES, 7, None)]
    assert (script.opened, script.closed) == (1, 0)


def test_a_transient_fault_is_tried_once_more_on_a_new_connection():
    script = ScriptedDatabase(fails=failures(Fault.TRANSIENT))
    with script.in_use() as attempts:
        assert attempts.commit(LANES, drain=7).applied == 2
    assert (len(script.runs), script.opened, script.closed) == (2, 2, 1)


def test_a_second_transient_fault_interrupts():
    script = ScriptedDatabase(fails=failures(Fault.TRANSIENT, Fault.TRANSIENT))
    with script.in_use() as attempts, pytest.raises(Interrupted, match=r"^save: ") as caught:
        attempts.commit(LANES, drain=7)
    assert caught.value.fault is Fault.TRANSIENT
    assert (len(script.runs), script.closed) == (2, 2)


def test_a_stop_is_not_tried_again():
    script = ScriptedDatabase(fails=failures(Fault.STOP))
    with script.in_use() as attempts, pytest.raises(Interrupted) as caught:
        attempts.commit(LANES, drain=7)
    assert caught.value.fault is Fault.STOP
    assert (len(script.runs), script.closed) == (1, 1)


def test_a_fault_in_the_data_is_for_careful_mode():
    script = ScriptedDatabase(fails=failing_for("A"))
    with script.in_use() as attempts, pytest.raises(TransactionFailed):
        attempts.commit(LANES, drain=7)
    assert (len(script.runs), script.closed) == (1, 0)


@pytest.mark.parametrize(
    ("outage", "fault", "tries"),
    [
        (psycopg.OperationalError("connection refused"), Fault.TRANSIENT, 2),
        (NotDurable("synchronous_commit is off"), Fault.STOP, 1),
        (KeyError("password"), Fault.STOP, 1),
    ],
)
def test_a_database_that_cannot_be_reached(outage, fault, tries):
    script = ScriptedDatabase()
    script.outage = outage
    with script.in_use() as attempts, pytest.raises(Interrupted, match=r"^connecting: ") as caught:
        attempts.commit(LANES, drain=7)
    assert caught.value.fault is fault
    assert (script.opened, script.runs) == (tries, [])


@pytest.mark.parametrize(("left", "enough"), [(1.0, True), (0.99, False), (-1.0, False)])
def test_the_reserve_has_to_be_left(left, enough):
    script = ScriptedDatabase(left=left)
    with script.in_use(reserve=1.0) as attempts:
        if enough:
            attempts.commit(LANES, drain=7)
        else:
            with pytest.raises(Interrupted, match="left of this invocation") as caught:
                attempts.commit(LANES, drain=7)
            assert caught.value.fault is None
    assert len(script.runs) == enough


@pytest.mark.parametrize(("left", "enough"), [(21.1, True), (20.9, False)])
def test_twice_the_time_of_as_many_events_has_to_be_left(left, enough):
    script = ScriptedDatabase(left=left + 10, seconds=lambda events: events / 10)
    with script.in_use(reserve=1.0) as attempts:
        attempts.commit(lanes_of(100), drain=0)
        if enough:
            attempts.commit(lanes_of(100), drain=0)
        else:
            with pytest.raises(Interrupted):
                attempts.commit(lanes_of(100), drain=0)


def test_what_one_event_alone_takes_is_no_measure_of_many():
    script = ScriptedDatabase(left=30, seconds=lambda events: 0.01 + events / 10_000)
    with script.in_use() as attempts:
        attempts.commit(lanes_of(5_000), drain=0)
        for _ in range(10):
            attempts.commit(lanes_of(1), drain=0)
        attempts.commit(lanes_of(5_000), drain=0)


def test_a_transaction_that_failed_for_its_data_is_a_measure_too():
    script = ScriptedDatabase(
        left=30, seconds=lambda events: 0.01 + events / 10_000, fails=failing_for("bad")
    )
    with script.in_use() as attempts:
        with pytest.raises(TransactionFailed):
            attempts.commit(lanes_of(5_000) | lanes_of(1, "bad"), drain=0)
        for _ in range(10):
            attempts.commit(lanes_of(1), drain=0)
        attempts.commit(lanes_of(5_000), drain=0)


def test_no_second_try_without_time():
    script = ScriptedDatabase(left=1.5, seconds=lambda _: 1.0, fails=failures(Fault.TRANSIENT))
    with script.in_use(reserve=1.0) as attempts, pytest.raises(Interrupted) as caught:
        attempts.commit(LANES, drain=7)
    assert caught.value.fault is None
    assert len(script.runs) == 1
