"""A database that becomes what it was before: what was known of it is not learned again."""

from controller import cutting
from controller.levels import Level, Levels
from controller.standing import Standing
from controller.state import Cut, Shelf, State
from tests.unit.controller.worlds import BEHIND, BOUNDS, Loop, drive, hill, minute, seen

STEPS = tuple(range(4, 41, 4))
DOES = hill(1_000.0)


def at_the_top() -> Loop:
    """A loop that rests at the best level of four, with lower ones known."""
    loop = Loop(factor=1)
    drive(loop, DOES, 40)
    assert loop.factor == loop.state.levels.best.concurrency // 4 == 4
    assert loop.state.levels.best.minutes >= 3
    return loop


def slow(of: dict, by: float) -> dict:
    """The same minute with rows that take so many times as long."""
    return of | {"rate": of["rate"] / by, "service": of["service"] * by}


def test_after_a_stall_the_level_it_was_cut_to_does_what_it_did_before():
    loop = at_the_top()
    known = loop.state.levels
    loop.turn(**slow(DOES(16), 2.0))
    assert loop.factor == 2
    loop.turn(**DOES(8))
    assert loop.factor == 4
    assert "as before: the database is what it was" in " ".join(loop.state.reasons)
    assert [k.throughput for k in loop.state.levels.known] == [k.throughput for k in known.known]


def test_a_database_that_stays_slow_is_not_taken_for_what_it_was():
    loop = at_the_top()
    drive(loop, hill(500.0, at=8.0), 20)
    assert loop.factor <= 3
    assert loop.state.shelf.returned == 0.0


def test_it_is_wrong_about_that_once_and_not_again():
    """A database that is slow above eight at once only: what eight do says nothing of it."""
    loop = at_the_top()

    def of(slots: int) -> dict:
        return DOES(slots) if slots <= 8 else slow(DOES(slots), 3.0)

    factors = drive(loop, of, 30)
    assert sum(factor >= 4 for factor in factors) <= 4, factors
    assert sum(factor == 2 for factor in factors) >= 20, factors


def test_what_gets_slowly_worse_leaves_nothing_to_come_back_to():
    loop = at_the_top()
    for _ in range(80):
        rate = DOES(4 * loop.factor)
        loop.turn(**rate | {"service": loop.state.levels.best.service_ms * 1.08})
        if "times what it took before" in " ".join(loop.state.reasons):
            break
    else:
        raise AssertionError("it never became too much")
    assert loop.state.shelf == Shelf()


def test_a_database_that_became_better_is_not_the_one_of_the_shelf():
    loop = at_the_top()
    loop.turn(**slow(DOES(16), 2.0))
    assert loop.state.shelf.levels.known
    drive(loop, hill(500.0, at=8.0), 2)
    loop.turn(**hill(3_000.0, at=40.0)(4 * loop.factor))
    assert "changed for the better" in " ".join(loop.state.reasons)
    assert loop.state.shelf == Shelf()


def test_a_split_stream_has_no_use_for_levels_that_are_no_steps_any_more():
    loop = at_the_top()
    loop.turn(**slow(DOES(16), 2.0))
    assert loop.state.shelf.levels.known
    loop.turn(**DOES(14), shards=7)
    loop.turn(**DOES(14), shards=7)
    assert not loop.state.shelf.levels.known


# -------------------------------------------------------------------- the level that was left


def level(concurrency: int, rate: float, minutes: int = 5) -> Level:
    service = 800 * concurrency / rate
    return Level(
        concurrency=concurrency,
        throughput=rate,
        service_ms=service,
        busy=0.96 * concurrency,
        minutes=minutes,
        at=5_900.0,
        usual_ms=service,
    )


def left_after(seconds: float, *, rate: float, new: float) -> Standing:
    """It was cut from 16 to 12 so many seconds into a minute; until then `rate` events a second
    were done, and `new` since.
    """
    began = 6_000.0
    did = (seconds * rate + (60 - seconds) * new) / 60
    during = minute(began, rate=did, iterator_age_ms=BEHIND)
    after = minute(began + 60, rate=new, iterator_age_ms=BEHIND)
    cut = Cut(origin=16, at=began + seconds)
    state = State(
        levels=Levels((level(16, 600.0, minutes=0),)),
        shelf=Shelf(levels=Levels((level(16, 1_000.0),)), since=cut.at),
        cut=cut,
    )
    view = seen(began + 140, during, after)
    return Standing(state=state, seen=view, bounds=BOUNDS, steps=STEPS, here=12)


def test_a_level_that_did_as_much_as_ever_when_it_was_left_is_gone_back_to():
    verdict = cutting.needless(left_after(30.0, rate=960.0, new=860.0), level(12, 860.0))
    assert verdict is not None
    assert verdict.to == 16
    assert "when it was left, as before" in verdict.why
    assert verdict.state.cut is None


def test_one_that_did_less_is_not():
    assert cutting.needless(left_after(30.0, rate=660.0, new=600.0), level(12, 600.0)) is None


def test_nor_one_that_did_no_more_than_what_it_was_cut_to():
    assert cutting.needless(left_after(30.0, rate=960.0, new=950.0), level(12, 950.0)) is None
