"""The policy's table, rule by rule."""

import itertools

import pytest
from msgspec.structs import replace

from controller.breaker import Phase
from controller.hand import Hand
from controller.observation import MappingState
from controller.policy import decide
from controller.state import State
from tests.unit.controller.worlds import BEHIND, BOUNDS, Loop, drive, hill, mapping, minute, seen


def test_1_paused_the_mapping_is_stopped_and_the_position_kept():
    loop = Loop()
    loop.turn(rate=100.0)
    loop.turn(rate=100.0, hand=Hand(paused=True, by="ann", because="maintenance"))
    assert not loop.enabled
    assert "ann" in loop.last.reasons[-1]
    loop.turn(hand=Hand(paused=True))
    assert not loop.enabled
    loop.turn(hand=Hand())
    assert loop.enabled


@pytest.mark.parametrize("state", sorted(set(MappingState) - {"Enabled", "Disabled"}))
def test_2_a_mapping_that_is_changing_is_left_alone(state):
    view = seen(60.0, minute(0.0, failures=99.0), real=mapping(state=state))
    decision = decide(State(), view, BOUNDS)
    assert decision.wanted is None
    assert state in decision.reasons[0]


def test_3_and_4_open_half_open_closed():
    loop = Loop(factor=6)
    loop.turn(rate=1_000.0)
    loop.turn(rate=0.0, failures=40.0, batches=20.0)
    assert loop.state.breaker.phase is Phase.OPEN
    assert not loop.enabled
    loop.turn()
    assert loop.state.breaker.phase is Phase.HALF_OPEN
    assert (loop.enabled, loop.factor, loop.real.batch_size, loop.real.window) == (True, 1, 10, 0)
    loop.turn(rate=0.0, failures=4.0, batches=4.0)
    assert loop.state.breaker.phase is Phase.OPEN, "it still fails"
    assert not loop.enabled
    while loop.state.breaker.phase is Phase.OPEN:
        loop.turn()
    loop.turn(rate=3.0, iterator_age_ms=BEHIND)
    assert loop.state.breaker.phase is Phase.CLOSED
    assert (loop.enabled, loop.real.batch_size, loop.real.window) == (True, 500, 1)
    assert loop.factor > 0


def test_the_wait_between_two_trials_is_bounded():
    loop = Loop()
    loop.turn(rate=0.0, failures=40.0, batches=20.0)
    trials, began = [], loop.at
    for _ in range(60):
        loop.turn(**({"failures": 4.0, "batches": 4.0} if loop.enabled else {}))
        if loop.state.breaker.phase is Phase.HALF_OPEN:
            trials.append(loop.at - began)
    gaps = [b - a for a, b in itertools.pairwise(trials)]
    assert max(gaps) <= 7 * 60.0


def test_a_short_failover_opens_nothing():
    loop = Loop()
    loop.turn(rate=1_000.0)
    loop.turn(rate=200.0, failures=30.0, batches=60.0)
    assert loop.enabled
    assert loop.factor == 2
    loop.turn(rate=1_000.0)
    assert loop.state.breaker.phase is Phase.CLOSED


def test_the_proxys_own_word_opens_too():
    loop = Loop()
    loop.turn(rate=0.0, batches=1.0, available=False)
    assert not loop.enabled
    loop.turn(available=False)
    loop.turn(available=False)
    assert not loop.enabled, "not tried while the proxy says that it is down"
    loop.turn(available=True)
    assert loop.enabled


def test_5_what_somebody_else_disabled_stays_so():
    loop = Loop()
    loop.turn(rate=100.0)
    loop.real = replace(loop.real, state=MappingState.DISABLED)
    for _ in range(3):
        assert loop.turn().wanted is None
    assert not loop.enabled
    assert "somebody else" in loop.last.reasons[-1]


def test_6_a_deploy_that_puts_the_template_back_is_undone():
    loop = Loop()
    drive(loop, hill(1_000.0), 30)
    found = loop.factor
    loop.real = replace(loop.real, factor=10, batch_size=500)
    loop.turn(**hill(1_000.0)(40))
    assert loop.factor == found
    assert "restoring" in " ".join(loop.last.reasons)


def test_7_a_pinned_factor_holds_whatever_happens():
    loop = Loop()
    for turn in range(20):
        loop.turn(**hill(1_000.0)(4 * loop.factor), hand=Hand(pinned=9, by="ann"))
        assert turn == 0 or loop.factor == 9
    loop.turn(failures=40.0, batches=20.0, hand=Hand(pinned=9))
    assert not loop.enabled, "the breaker stays in force"


@pytest.mark.parametrize("pinned", [1, 10])
def test_a_pinned_factor_stays_within_the_bounds(pinned):
    loop = Loop(replace(BOUNDS, lowest=2, concurrency=20))
    loop.turn(rate=10.0, hand=Hand(pinned=pinned))
    assert loop.factor == min(max(pinned, 2), 5)


def test_8_failures_that_last_and_queues_for_connections_cut():
    loop = Loop(factor=8)
    loop.turn(rate=1_000.0, failures=40.0, batches=200.0)
    assert loop.factor == 8, "once may be a failover"
    loop.turn(rate=1_000.0, failures=40.0, batches=200.0)
    assert loop.factor == 4
    loop = Loop(factor=8)
    loop.turn(rate=1_000.0, borrow_ms=900.0)
    assert loop.factor == 6, "to the nearest of seven tenths"


def test_9_without_a_backlog_nothing_moves():
    """Whatever the service time: small batches cost more per row, and that is no overload."""
    loop = Loop(factor=3)
    for turn in range(200):
        loop.turn(rate=50.0 + 40 * (turn % 7), service=1.0 + 5 * (turn % 5))
        assert loop.factor == 3


def test_9_after_a_cut_a_quiet_database_gets_back_what_was_proven():
    loop = Loop()
    drive(loop, hill(1_000.0), 30)
    proven = loop.factor
    for _ in range(2):
        loop.turn(rate=100.0, failures=40.0, batches=200.0)
    assert loop.factor < proven
    for _ in range(40):
        loop.turn(rate=100.0, service=loop.state.quickest)
    assert loop.factor == proven


def test_10_crowded_it_is_cut_at_once_and_stays():
    loop = Loop()
    drive(loop, hill(1_000.0), 30)
    before = loop.factor
    crowded = hill(500.0, at=8.0)
    loop.turn(**crowded(4 * before))
    assert loop.factor <= before / 2 + 1
    assert "times what it took before" in " ".join(loop.last.reasons)
    assert 1 <= drive(loop, crowded, 20)[-1] <= 3


def test_10_dearer_rows_are_told_from_a_crowd():
    """Everything takes five times as long, at every level: the level it had is still the best."""
    loop = Loop()
    drive(loop, hill(1_000.0), 30)
    before = loop.factor
    factors = drive(loop, hill(200.0), 6)
    assert factors[0] < before
    assert before in factors[1:4], factors
    assert factors[-1] >= before - 1, factors


def test_12_a_level_that_is_only_tried_is_left_at_once_and_not_taken_for_a_change():
    """Half of the throughput at twice the level is the hill, not another database."""
    loop = Loop(factor=1)
    factors = drive(loop, hill(100.0, at=1.0), 60)
    assert factors.count(1) >= 57, factors


def test_11_a_better_database_is_explored():
    loop = Loop()
    drive(loop, hill(500.0, at=8.0), 30)
    assert loop.factor <= 3
    assert drive(loop, hill(1_000.0, at=24.0), 40)[-1] >= 5


def test_11_also_where_a_slot_is_busy_with_other_things():
    """Rows get five times quicker; the slots, half of whose time goes elsewhere, are less busy."""
    loop, elsewhere = Loop(factor=2), 2.0
    for row in (4.0, 0.8):
        for _ in range(30):
            slots = 4 * loop.factor
            service = row * (1 + (slots / 8) ** 2)
            rate = 1_000 * slots / (service + elsewhere)
            given = {"service": service, "worked_ms": 60 * rate * service}
            loop.turn(rate=rate, iterator_age_ms=BEHIND, **given)
        said = " ".join(loop.state.reasons)
        assert "keep" not in said, said
    assert loop.state.levels.best.throughput > 2_500


def test_11_also_while_another_level_is_tried():
    """It never did anything in the old database, but no level could have done so much in that."""
    loop = Loop(factor=8)
    loop.turn(**hill(100.0, at=8.0)(32))
    assert loop.factor < 8, "trying a lower one"
    loop.turn(**hill(2_000.0, at=32.0)(4 * loop.factor))
    assert "changed for the better" in " ".join(loop.state.reasons)
    assert len(loop.state.levels.known) == 1, "what the old one did says nothing any more"


def test_9_the_minute_in_which_a_backlog_ends_says_nothing():
    loop = Loop()
    drive(loop, hill(1_000.0), 30)
    known = loop.state.levels
    half = hill(1_000.0)(4 * loop.factor)
    loop.turn(**half | {"rate": 0.5 * half["rate"]})
    assert loop.state.levels == known
    assert "busy" in loop.last.reasons[-1]


@pytest.mark.parametrize("best", [4.0, 8.0, 16.0, 24.0, 36.0])
def test_12_it_finds_the_top_and_rests_there(best):
    of = hill(1_000.0, at=best)
    loop = Loop()
    drive(loop, of, 40)
    rates = [of(4 * factor)["rate"] for factor in drive(loop, of, 100)]
    most = max(of(4 * factor)["rate"] for factor in range(1, 11))
    assert sum(rates) / len(rates) >= 0.95 * most


def test_12_a_full_processor_or_pool_is_a_veto():
    for veto in ({"cpu": 99.0}, {"cpu": 99.0, "capacity": 99.0}, {"connections": 95.0}):
        loop = Loop()
        for _ in range(30):
            loop.turn(**hill(1_000.0, at=40.0)(4 * loop.factor), **veto)
        assert loop.factor <= 2, veto


def test_a_processor_that_can_grow_is_no_veto():
    """A serverless database at the top of a small capacity is about to get more of it."""
    loop = Loop()
    for _ in range(30):
        loop.turn(**hill(1_000.0, at=40.0)(4 * loop.factor), cpu=99.0, capacity=40.0)
    assert loop.factor > 2


def test_a_batch_that_takes_too_long_is_halved_and_grows_back():
    loop = Loop()
    loop.turn(rate=1.0, batches=1.0, busy_ms=20_000.0)
    assert loop.real.batch_size == 250
    loop.turn(rate=1.0, batches=1.0, busy_ms=100.0)
    assert loop.real.batch_size == 500


def test_a_dry_run_says_what_it_would_do_and_learns_from_what_is():
    loop = Loop(replace(BOUNDS, acts=False))
    for _ in range(5):
        loop.turn(**hill(1_000.0)(8))
    assert loop.factor == 2
    assert loop.last.wanted is not None
    assert loop.last.wanted.factor > 2


def test_an_open_breaker_counts_the_age_that_nobody_reports_and_becomes_loud():
    """A disabled mapping has no iterator age: records must not expire in silence."""
    loop = Loop()
    loop.turn(rate=100.0, iterator_age_ms=3_600_000.0, retention=86_400.0)
    loud = None
    for turn in range(24 * 60):
        loop.turn(retention=86_400.0, hand=Hand(paused=True, by="ann", because="forgot"))
        if loop.last.alarms and loud is None:
            loud = turn
    assert 60 * 10 < loud < 60 * 12, "at half of the retention, an hour of which was used before"
    (alarm,) = loop.last.alarms
    assert "EXPIRE IN 0.0 HOURS" in alarm
    assert "paused by ann" in alarm
    assert "increase-stream-retention-period" in alarm


def test_a_stop_without_a_backlog_ages_from_when_it_was_stopped():
    loop = Loop()
    loop.turn(rate=100.0)
    for _ in range(13 * 60):
        loop.turn(retention=86_400.0, hand=Hand(paused=True))
    assert 46_000 < loop.state.age.seconds < 47_000
    assert "paused" in loop.last.alarms[0]


def test_an_idle_stream_does_not_age():
    loop = Loop()
    loop.turn(rate=100.0)
    for _ in range(24 * 60):
        loop.turn(retention=86_400.0)
    assert loop.last.alarms == ()


def test_a_split_stream_goes_on_with_as_many_batches_at_once():
    """And forgets the levels that fit no more."""
    loop = Loop()
    drive(loop, hill(1_000.0), 30)
    before = 4 * loop.factor
    loop.turn(**hill(1_000.0)(8 * loop.factor), shards=8)
    assert before - 8 < 8 * loop.factor <= before
    loop.turn(**hill(1_000.0)(8 * loop.factor), shards=8)
    assert all(k.concurrency % 8 == 0 for k in loop.state.levels.known)
    loop.turn(**hill(1_000.0)(8 * loop.factor), shards=7)
    assert 1 <= loop.factor <= 10
