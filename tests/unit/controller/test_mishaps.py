"""Metrics that are late, updates that take long, a state that is lost: nothing is stuck for it."""

import msgspec
import pytest
from msgspec.structs import replace

from controller import handler
from controller.breaker import Phase
from controller.hand import Hand
from controller.levels import Level, Levels, Terrain, next_move
from controller.observation import MappingState, Minute
from controller.policy import decide
from controller.standing import Standing
from controller.state import Shelf, State, UnreadableState, as_of, read, write
from tests.unit.controller.worlds import BOUNDS, Loop, drive, hill, mapping, minute, seen


def level(concurrency: int, throughput: float, **given) -> Level:
    """A level at which every slot is at work, seen for one minute."""
    usual = {"service_ms": 1.0, "busy": concurrency, "minutes": 1, "at": 0.0, "usual_ms": 1.0}
    return Level(concurrency=concurrency, throughput=throughput, **(usual | given))


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


def test_sums_that_come_late_make_good_what_was_learned_of_them():
    loop, whole = Loop(factor=4), hill(1_000.0)(16)
    half = minute(loop.at, **whole)
    loop.turn(**whole | {"rate": whole["rate"] / 2})
    assert loop.state.levels.get(16).throughput == pytest.approx(500)
    loop.minutes[-1] = half
    loop.turn(**hill(1_000.0)(4 * loop.factor))
    learned = loop.state.levels.get(16)
    assert learned.throughput == pytest.approx(1_000)
    assert learned.busy == pytest.approx(0.96 * 16)


def test_what_is_well_known_or_hardly_grows_stays_as_it_was_learned():
    loop, whole = Loop(factor=4), hill(1_000.0)(16)
    loop.turn(**whole)
    loop.minutes[-1] = minute(loop.minutes[-1].at, **whole | {"rate": 1_050.0})
    loop.turn(**hill(1_000.0)(4 * loop.factor))
    assert loop.state.levels.get(16).throughput == pytest.approx(1_000)


@pytest.mark.parametrize(
    ("slots", "at", "is_judged"),
    [(4.5, 120.0, True), (5.0, 120.0, False), (5.0, 60.0, False), (5.0, 360.0, True)],
)
def test_a_period_with_more_at_work_than_there_are_slots_was_in_part_before_the_update(
    slots, at, is_judged
):
    """For a while only: if it lasts, the slots are counted wrongly, and that stops nothing."""
    view = seen(at + 60.0, minute(at, rate=100.0, worked_ms=slots * 60_000))
    state = State(settled=120.0)
    standing = Standing(state=state, seen=view, bounds=BOUNDS, steps=(4, 8), here=4)
    assert (standing.ripe() is not None) == is_judged


def test_a_level_that_was_mismeasured_is_looked_at_again_while_rows_are_quick():
    loop = Loop(factor=1)
    drive(loop, hill(1_000.0), 40)
    known, wanted = loop.state.levels, replace(loop.state.wanted, factor=2)
    wrong = replace(known.get(12), throughput=300.0)
    levels = Levels((known.get(4), known.get(8), wrong))
    loop.state = replace(loop.state, levels=levels, proven=8, wanted=wanted)
    loop.real = replace(loop.real, factor=2)
    factors = drive(loop, hill(1_000.0), 60)
    assert factors[2] == 2, factors
    assert factors[-1] == 4, factors


def test_a_level_that_does_far_less_is_looked_at_again_only_while_rows_are_quick():
    """Which only a lower level can show: the lowest is always the quickest that is known."""
    known = Levels((level(4, 500.0), level(8, 1_000.0), level(12, 850.0)))
    terrain = Terrain(steps=(4, 8, 12), due=True)
    assert next_move(known, 8, terrain).rests
    move = next_move(known, 8, replace(terrain, quick=True))
    assert (move.to, move.looks) == (12, True)
    lowest = Levels(known.known[1:])
    assert next_move(lowest, 8, replace(terrain, steps=(8, 12), quick=True)).rests


def test_at_an_end_of_the_steps_there_is_but_one_neighbour_to_look_at():
    """Whichever way the top has moved."""
    known = Levels((level(4, 1_000.0, minutes=2), level(8, 950.0)))
    terrain = Terrain(steps=(4, 8), due=True, drift=-0.2)
    assert next_move(known, 4, terrain).to == 8
    assert next_move(known, 4, replace(terrain, due=False)).rests


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
    good = level(8, 9.0)
    assert read(write(State(levels=Levels((good,))))).levels.known == (good,)
    with pytest.raises(UnreadableState, match="cannot be"):
        read(write(State(levels=Levels((replace(good, **{field: 0}),)))))
    with pytest.raises(UnreadableState, match="cannot be"):
        read(write(State(shelf=Shelf(levels=Levels((replace(good, **{field: 0}),))))))


def test_bounds_that_leave_one_factor_leave_it():
    loop = Loop(replace(BOUNDS, lowest=3, most=3), factor=7)
    for top in (1_000.0, 200.0, 1_000.0):
        assert set(drive(loop, hill(top, at=8.0), 20)[1:]) == {3}


def test_rows_that_get_slowly_dearer_are_noticed_too():
    """A hundredth a minute is never half as much again as the mean of the last minutes."""
    known, learned = Levels(), []
    for turn in range(60):
        at, service = 60.0 * turn, 1.01**turn
        seen_now = level(8, 1.0, at=at, service_ms=service, usual_ms=service)
        known = known.learn(seen_now, since=at - 240.0)
        learned.append(known.known[0])
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
