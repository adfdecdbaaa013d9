"""What holds of every decision, whatever the signals, the mapping and the operator do."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from controller.bounds import SMALL_BATCH
from controller.breaker import Phase
from controller.hand import Hand
from controller.mapping import change
from controller.observation import MappingState
from controller.policy import decide
from controller.state import State, read, write
from tests.unit.controller.worlds import BOUNDS, Loop, mapping, minute, seen

amounts = st.floats(0, 1e6, allow_nan=False)
perhaps = st.none() | amounts
weathers = st.fixed_dictionaries(
    {},
    optional={
        "rate": st.floats(0, 5_000),
        "service": st.floats(0.001, 1_000),
        "failures": st.integers(0, 100).map(float),
        "refused": st.integers(0, 100).map(float),
        "batches": st.integers(0, 500).map(float),
        "busy_ms": amounts,
        "worked_ms": amounts,
        "iterator_age_ms": perhaps,
        "cpu": st.none() | st.floats(0, 100),
        "capacity": st.none() | st.floats(0, 100),
        "connections": st.none() | st.floats(0, 120),
        "borrow_ms": st.none() | st.floats(0, 500),
        "available": st.none() | st.booleans(),
        "shards": st.integers(1, 12),
        "hand": st.none()
        | st.builds(Hand, pinned=st.none() | st.integers(1, 10), paused=st.booleans()),
    },
)
interferences = st.none() | st.builds(
    mapping,
    factor=st.integers(1, 10),
    state=st.sampled_from(MappingState),
    batch_size=st.integers(1, 1_000),
    window=st.integers(0, 5),
)
courses = st.lists(st.tuples(weathers, interferences), max_size=40)
bounds = st.builds(
    lambda lowest, more, concurrency, acts: replace(
        BOUNDS, lowest=lowest, most=min(10, lowest + more), concurrency=concurrency, acts=acts
    ),
    st.integers(1, 10),
    st.integers(0, 9),
    st.integers(0, 60),
    st.booleans(),
)


@given(courses, bounds)
@settings(max_examples=150, deadline=None)
def test_every_decision_is_within_bounds_and_says_why(course, within):
    loop = Loop(within, factor=within.lowest)
    for weather, interference in course:
        if interference is not None:
            loop.real = interference
        real, before = loop.real, loop.state
        shards = weather.get("shards", 4)
        decision = loop.turn(**weather)
        assert decision.reasons, "a decision without a reason"
        wanted = decision.wanted
        if wanted is None:
            assert not real.takes_updates or real.state is MappingState.DISABLED
            continue
        assert real.takes_updates
        if wanted.enabled:
            assert within.lowest <= wanted.factor <= within.highest(shards)
            assert 1 <= wanted.batch_size <= max(within.batch_size, SMALL_BATCH)
            assert wanted.window == within.window or wanted.batch_size <= SMALL_BATCH
        hand = decision.state.hand
        phase = decision.state.breaker.phase
        assert wanted.enabled is not (hand.paused or phase is Phase.OPEN)
        if wanted.enabled and phase is Phase.CLOSED and hand.pinned is not None:
            pinned = min(max(hand.pinned, within.lowest), within.highest(shards))
            assert wanted.factor in (pinned, before.wanted.factor if before.wanted else pinned)
        asked = change(wanted, real)
        assert set(asked) <= {
            "Enabled",
            "ParallelizationFactor",
            "BatchSize",
            "MaximumBatchingWindowInSeconds",
        }


@given(courses)
@settings(max_examples=60, deadline=None)
def test_the_state_survives_its_parameter(course):
    """What is read back decides as what was written would have: nothing lives outside of it."""
    loop = Loop()
    for weather, interference in course:
        if interference is not None:
            loop.real = interference
        loop.turn(**weather)
        text = write(loop.state)
        assert len(text) < 4_096
        assert write(read(text)) == text
        loop.state = read(text)


@given(st.lists(st.floats(0.5, 2.0), min_size=30, max_size=60), st.integers(1, 10))
@settings(max_examples=60, deadline=None)
def test_without_a_backlog_it_never_moves(loads, factor):
    loop = Loop(factor=factor)
    for load in loads:
        loop.turn(rate=100 * load, service=10 / load)
        assert loop.factor == factor


@given(st.floats(1.0, 45.0), st.floats(100, 10_000), st.integers(1, 10))
@example(8.0, 100.0, 8)
@settings(max_examples=40, deadline=None)
def test_under_a_backlog_it_ends_within_a_few_hundredths_of_the_top(top, most, first):
    def rate(level):
        return 2 * most * (level / top) / (1 + (level / top) ** 2)

    loop, done = Loop(factor=first), []
    for _ in range(90):
        level = 4 * loop.factor
        loop.turn(rate=rate(level), service=800 * level / rate(level), iterator_age_ms=60_000.0)
        done.append(rate(4 * loop.factor))
    best = max(rate(4 * f) for f in range(1, 11))
    assert sum(done[45:]) / len(done[45:]) >= 0.93 * best


@given(courses)
@settings(max_examples=30, deadline=None)
def test_the_same_again_is_the_same(course):
    state = State()
    for weather, _ in course:
        given_ = {k: v for k, v in weather.items() if k not in ("shards", "hand")}
        view = seen(600.0, minute(540.0, **given_))
        assert decide(state, view, BOUNDS) == decide(state, view, BOUNDS)
        state = decide(state, view, BOUNDS).state
