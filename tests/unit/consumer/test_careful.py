"""Careful mode: only what fails alone is blamed, and everything else is committed."""

import pytest

from consumer.attempts import Interrupted
from consumer.careful import Careful
from consumer.faults import Fault, Phase
from consumer.order import Reason
from consumer.transaction import TransactionFailed
from contract import Position
from tests.consuming.events import arrive, make_event
from tests.consuming.scripted import ScriptedDatabase, failed, failing_for

DRAIN = 100


def lanes_of(**events: int):
    """Lanes with so many events each, positions counted through."""
    position = iter(range(1, 1_000))
    return {
        order_id: [
            arrive(next(position), make_event(v, order_id=order_id)) for v in range(1, count + 1)
        ]
        for order_id, count in events.items()
    }


def careful(script: ScriptedDatabase, lanes):
    with script.in_use() as attempts:
        mode = Careful(attempts, DRAIN)
        return mode, list(mode.apply(lanes))


def parked(committed) -> list[tuple[str, int]]:
    return [(e.arrival.order_id, e.arrival.version) for done in committed for e in done.parked]


def positions(lanes) -> set[Position]:
    return {arrival.position for lane in lanes.values() for arrival in lane}


def failing_with(order_id: str, version: int):
    """Every transaction that holds this event fails for its data."""

    def fails(lanes):
        lane = lanes.get(order_id, ())
        return failed(Fault.DATA) if any(a.version == version for a in lane) else None

    return fails


def test_without_a_fault_there_is_one_transaction():
    script, lanes = ScriptedDatabase(), lanes_of(A=2, B=1)
    mode, committed = careful(script, lanes)
    assert script.runs == [(lanes, DRAIN, None)]
    assert len(committed) == 1
    assert mode.finished == positions(lanes)


@pytest.mark.parametrize("culprit", [("A", 1), ("B", 1), ("B", 3), ("B", 5), ("C", 2)])
def test_only_the_culprit_is_blamed(culprit):
    script, lanes = ScriptedDatabase(fails=failing_with(*culprit)), lanes_of(A=2, B=5, C=2, D=1)
    mode, committed = careful(script, lanes)
    assert parked(committed) == [culprit]
    assert sum(done.applied for done in committed) == 9
    assert mode.finished == positions(lanes)


def test_what_is_blamed_has_failed_alone_just_before():
    script = ScriptedDatabase(fails=failing_with("B", 3))
    careful(script, lanes_of(A=2, B=5))
    blamed = next(i for i, (_, _, blame) in enumerate(script.runs) if blame)
    ((lane, drain, none), (same, _, blame)) = script.runs[blamed - 1 : blamed + 1]
    assert (none, drain) == (None, 0)
    assert lane == same
    assert [arrival.version for arrival in lane["B"]] == [3]
    assert blame.reason is Reason.DATA_ERROR


@pytest.mark.parametrize(
    ("phase", "says"),
    [
        (Phase.LOAD, "loading the order failed: DataError: the script says so"),
        (Phase.SAVE, "saving the order failed: DataError: the script says so"),
        (Phase.COMMIT, "committing the order failed: DataError: the script says so"),
        (Phase.OTHER, "writing the event failed: DataError: the script says so"),
    ],
)
def test_blame_says_what_failed(phase, says):
    script = ScriptedDatabase(fails=lambda _: failed(Fault.DATA, phase))
    _, committed = careful(script, lanes_of(A=1))
    assert [entry.failure.detail for entry in committed[0].parked] == [says]


def test_the_events_of_a_lane_keep_their_order():
    script = ScriptedDatabase(fails=failing_with("A", 4))
    careful(script, lanes_of(A=9))
    done = [
        arrival.version
        for lanes, _, blame in script.runs
        if blame or not script.fails(lanes)
        for arrival in lanes["A"]
    ]
    assert done == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_the_number_of_transactions_grows_with_the_logarithm():
    script = ScriptedDatabase(fails=failing_with("A", 300))
    careful(script, lanes_of(A=512, B=1))
    assert len(script.runs) < 30


def test_nothing_is_drained_along_with_the_parts_of_one_lane():
    script = ScriptedDatabase(fails=failing_with("A", 2))
    careful(script, lanes_of(A=4))
    assert [drain for _, drain, _ in script.runs] == [DRAIN] + [0] * (len(script.runs) - 1)


def test_what_belongs_to_no_order_goes_on_beside_a_culprit():
    lanes = {None: [arrive(500, b"?", partition_key="k\0")], **lanes_of(A=1)}
    mode, committed = careful(ScriptedDatabase(fails=failing_for("A")), lanes)
    assert parked(committed) == [("A", 1)]
    assert mode.finished == positions(lanes)


def test_an_interruption_leaves_what_is_committed():
    script = ScriptedDatabase(left=10.5, seconds=lambda _: 1.0, fails=failing_with("D", 1))
    lanes = lanes_of(A=1, B=1, C=1, D=1)
    with script.in_use(reserve=8.0) as attempts:
        mode = Careful(attempts, DRAIN)
        committed = []
        with pytest.raises(Interrupted):
            committed.extend(mode.apply(lanes))
    assert mode.finished == positions(lanes_of(A=1, B=1))
    assert len(committed) == 1


def test_an_event_that_cannot_even_be_parked_is_an_error():
    def never(lanes):
        raise failed(Fault.DATA)

    script = ScriptedDatabase()
    script.run = lambda lanes, drain, blame: never(lanes)
    with script.in_use() as attempts, pytest.raises(TransactionFailed):
        list(Careful(attempts, DRAIN).apply(lanes_of(A=1)))


# -- drains


def drained(script: ScriptedDatabase) -> list[tuple[int, bool]]:
    with script.in_use() as attempts:
        list(Careful(attempts, DRAIN).drain("A"))
    return [(drain, blame is not None) for _, drain, blame in script.runs]


def test_a_drain_goes_on_until_nothing_is_drainable():
    script = ScriptedDatabase()
    script.drainable = {"A": 3}
    assert drained(script) == [(DRAIN, False)] * 4
    assert all(lanes == {"A": ()} for lanes, _, _ in script.runs)


def test_a_drain_that_fails_takes_fewer_entries_until_one_is_to_blame():
    script = ScriptedDatabase(fails=failing_for("A"))
    assert drained(script) == [(n, False) for n in (100, 50, 25, 12, 6, 3, 1)] + [(1, True)]
