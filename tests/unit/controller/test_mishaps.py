"""Metrics that are late, updates that take long, a state that is lost: nothing is stuck for it."""

import msgspec
import pytest
from msgspec.structs import replace

from controller import handler
from controller.breaker import Phase
from controller.hand import Hand
from controller.levels import Level, Levels
from controller.observation import MappingState, Minute
from controller.policy import decide
from controller.state import Shelf, State, UnreadableState, as_of, read, write
from tests.unit.controller.worlds import BOUNDS, Loop, drive, hill, mapping, minute, seen


def test_the_breaker_opens_by_a_minute_that_comes_late():
    """The newest minutes are on their way still: the newest that says anything decides."""
    late = minute(60.0, rate=0.0, failures=40.0, batches=20.0)
    view = seen(240.0, late, Minute(at=120.0), Minute(at=180.0))
    assert decide(State(), view, BOUNDS).state.breaker.phase is Phase.OPEN


def test_minutes_during_an_update_that_takes_long_are_not_judged():
    loop = Loop()
    drive(loop, hill(1_000.0), 30)
    known = loop.state.levels
    loop.real = replace(loop.real, state=MappingState.UPDATING)
    for _ in range(4):
        loop.turn(**hill(300.0)(4 * loop.factor))
    loop.real = replace(loop.real, state=MappingState.ENABLED)
    loop.turn(**hill(300.0)(4 * loop.factor))
    assert loop.state.levels == known


def test_a_state_that_is_lost_while_the_breaker_is_open_does_not_stop_the_stream_for_ever():
    loop = Loop(factor=6)
    loop.turn(rate=1_000.0)
    loop.turn(rate=0.0, failures=40.0, batches=20.0)
    while loop.minutes[-10:] != [m for m in loop.minutes[-10:] if m.is_silent]:
        loop.turn(hand=Hand(paused=True))
    loop.real = replace(loop.real, batch_size=10, window=0)
    loop.state = State()
    loop.turn()
    assert loop.state.breaker.phase is Phase.OPEN, "though no failure is to be seen any more"
    for _ in range(3):
        loop.turn()
    assert loop.enabled


def test_a_person_who_disabled_it_is_respected_also_by_a_new_state():
    loop = Loop()
    loop.real = mapping(state=MappingState.DISABLED)
    for _ in range(5):
        assert loop.turn().wanted is None


def test_a_clock_that_was_set_back_does_not_make_it_wait_for_ever():
    far = 1e12
    state = State(judged=far, settled=far, cool=far, retry=far, patience=10**9)
    loop = Loop()
    loop.state = state
    drive(loop, hill(1_000.0, at=16.0), 60)
    assert 3 <= loop.factor <= 5
    assert as_of(state, 600.0, 60.0).judged == 600.0
    for ahead in (Shelf(since=far), Shelf(returned=far)):
        assert as_of(State(shelf=ahead), 600.0, 60.0).shelf == Shelf()
    assert as_of(State(shelf=Shelf(since=600.0)), 600.0, 60.0).shelf.since == 600.0


@pytest.mark.parametrize("field", ["concurrency", "throughput", "service_ms", "usual_ms"])
def test_a_level_that_cannot_be_is_no_state(field):
    level = Level(
        concurrency=8, throughput=9.0, service_ms=1.0, busy=1.0, minutes=1, at=0.0, usual_ms=1.0
    )
    assert read(write(State(levels=Levels((level,))))).levels.known == (level,)
    with pytest.raises(UnreadableState, match="cannot be"):
        read(write(State(levels=Levels((replace(level, **{field: 0}),)))))
    with pytest.raises(UnreadableState, match="cannot be"):
        read(write(State(shelf=Shelf(levels=Levels((replace(level, **{field: 0}),))))))


def test_bounds_that_leave_one_factor_leave_it():
    loop = Loop(replace(BOUNDS, lowest=3, most=3), factor=7)
    for top in (1_000.0, 200.0, 1_000.0):
        assert set(drive(loop, hill(top, at=8.0), 20)[1:]) == {3}


def test_rows_that_get_slowly_dearer_are_noticed_too():
    """A hundredth a minute is never half as much again as the mean of the last minutes."""
    level, learned = Levels(), []
    for turn in range(60):
        service = 1.01**turn
        seen_now = Level(
            concurrency=8,
            throughput=1.0,
            service_ms=service,
            busy=8.0,
            minutes=1,
            at=60.0 * turn,
            usual_ms=service,
        )
        level = level.learn(seen_now, since=60.0 * turn - 240.0)
        learned.append(level.known[0])
    assert learned[-1].service_ms > 1.5
    assert learned[-1].usual_ms < 1.05


def test_half_a_batch_is_no_reason_not_to_judge():
    loop = Loop()
    loop.turn(rate=100.0, batches=1.0, busy_ms=60_000.0)
    assert loop.real.batch_size == 250
    assert loop.state.settled == 0.0


@pytest.mark.parametrize(("at", "waits"), [(1_000.0 * 60 + 3, 17.0), (60_000.0 + 26, 54.0)])
def test_a_turn_waits_for_its_second(monkeypatch, at, waits):
    slept: list[float] = []
    monkeypatch.setattr(handler.time, "time", lambda: at)
    monkeypatch.setattr(handler.time, "sleep", slept.append)
    handler._await(20)
    assert slept == [pytest.approx(waits)]


def test_a_turn_that_is_hardly_late_is_made_at_once(monkeypatch):
    monkeypatch.setattr(handler.time, "time", lambda: 60_000.0 + 23)
    monkeypatch.setattr(handler.time, "sleep", lambda _: pytest.fail("waited"))
    handler._await(20)


def test_the_state_reads_as_it_was_written():
    loop = Loop()
    drive(loop, hill(1_000.0), 10)
    assert msgspec.json.decode(write(loop.state))["levels"]
    assert write(read(write(loop.state))) == write(loop.state)
