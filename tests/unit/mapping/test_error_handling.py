"""What a failure does: bisect, retries, age, throttles, partial failures, the destination."""

import pytest

from local.mapping.facts import Answered, Condition, FunctionFailed, Throttled
from local.mapping.undocumented import (
    BisectHalves,
    FailingSlot,
    PartialProgress,
    SlotChoice,
    Undocumented,
)

NO_WAIT = Undocumented(backoff_first=0, backoff_most=0)


def fails(made, only, times):
    for _ in range(times):
        made.fail(only(made))
        made.tick(60_000)


def discarded(made):
    return [[r.sequence_number for r in discard.records] for discard in made.discards]


def test_a_failed_batch_is_tried_again_whole_and_later_records_wait(world, running, only):
    made = world(puts="abc", batch_size=2)
    made.fail(only(made))
    assert running(made) == []
    made.tick(100)
    assert running(made) == [[1, 2]]


def test_the_wait_between_retries_doubles_up_to_a_bound(world, only):
    made = world(puts="a", undocumented=Undocumented(backoff_first=100, backoff_most=1_000))
    waits = []
    for _ in range(6):
        made.fail(only(made))
        waits.append(made.wake_at - made.now)
        made.tick(made.wake_at - made.now)
    assert waits == [100, 200, 400, 800, 1_000, 1_000]


def test_jitter_takes_its_share_of_the_wait(world):
    undocumented = Undocumented(backoff_first=100, backoff_jitter=0.5)
    assert undocumented.backoff(1, 0.0) == 100
    assert undocumented.backoff(1, 1.0) == 50


def test_retries_are_counted_and_then_the_batch_goes_to_the_destination(world, running, only):
    made = world(puts="abc", batch_size=2, maximum_retry_attempts=2)
    fails(made, only, 2)
    assert made.discards == []
    fails(made, only, 1)
    (discard,) = made.discards
    assert discarded(made) == [[1, 2]]
    assert discard.condition is Condition.RETRIES_EXHAUSTED
    assert discard.attempts == 3
    assert discard.last_outcome == FunctionFailed()
    assert running(made) == [[3]], "the shard goes on"
    assert made.mapping.checkpoints == {"shardId-000000000000": "2"}


def test_no_retry_means_one_attempt(world, only):
    made = world(puts="a", maximum_retry_attempts=0)
    fails(made, only, 1)
    assert discarded(made) == [[1]]


def test_unlimited_retries_never_give_up(world, only):
    made = world(puts="a")
    fails(made, only, 500)
    assert made.discards == []
    assert only(made)


def test_a_time_out_counts_as_a_failure(world, only):
    made = world(puts="a", maximum_retry_attempts=0)
    made.fail(only(made), timed_out=True)
    assert made.discards[0].last_outcome == FunctionFailed(timed_out=True)


def test_throttles_use_no_retry(world, running, only):
    made = world(puts="a", maximum_retry_attempts=0)
    for _ in range(50):
        made.throttle(only(made))
        made.tick(60_000)
    assert made.discards == []
    assert running(made) == [[1]]


def test_throttles_are_bounded_by_age(world, only):
    made = world(puts="a", maximum_record_age_seconds=60)
    made.throttle(only(made))
    made.tick(60_000)
    (discard,) = made.discards
    assert discard.condition is Condition.TOO_OLD
    assert discard.attempts == 0
    assert discard.last_outcome == Throttled()


def test_only_the_records_that_are_too_old_are_given_up(world, running, only):
    made = world(puts="aa", batch_size=10, window_seconds=0, maximum_record_age_seconds=60)
    made.fail(only(made))
    made.tick(30_000)
    made.fail(only(made))
    made.put("a")
    made.answer_read(made.reads[0])
    made.tick(30_000)
    assert discarded(made) == [[1, 2]]
    assert running(made) == [[3]]


def test_a_backlog_older_than_the_limit_is_given_up_uninvoked(world, only):
    made = world(maximum_record_age_seconds=60, batch_size=10)
    made.put("a")
    made.now += 60_000
    made.put("b")
    made.answer_read(made.reads[0])
    assert discarded(made) == [[1]]
    assert made.discards[0].last_outcome is None
    assert [r.sequence_number for r in made.running[only(made)].records] == [2]


# ------------------------------------------------------------------------ bisect


def test_bisect_splits_a_failed_batch_and_a_split_uses_no_retry(world, running, only):
    made = world(puts="aaaa", bisect_on_error=True, maximum_retry_attempts=0)
    made.fail(only(made))
    assert running(made) == [[1, 2]]
    made.fail(only(made))
    assert running(made) == [[1]]
    assert made.discards == []
    made.fail(only(made))
    assert discarded(made) == [[1]]
    assert running(made) == [[2]]
    made.succeed(only(made))
    assert running(made) == [[3, 4]]


def test_bisect_isolates_the_one_bad_record(world):
    made = world(
        puts=[f"order-{n}" for n in range(64)], bisect_on_error=True, maximum_retry_attempts=1
    )
    invocations = 0
    while made.left:
        for invocation_id in tuple(made.running):
            invocations += 1
            numbers = [r.sequence_number for r in made.running[invocation_id].records]
            (made.fail if 20 in numbers else made.succeed)(invocation_id)
        made.tick(60_000)
    assert discarded(made) == [[20]]
    assert invocations < 20


@pytest.mark.parametrize("after_split", [True, False])
def test_a_split_may_wait_or_not(world, running, only, after_split):
    undocumented = Undocumented(backoff_after_split=after_split)
    made = world(puts="aa", bisect_on_error=True, undocumented=undocumented)
    made.fail(only(made))
    assert running(made) == ([] if after_split else [[1]])
    made.tick(100)
    assert running(made) == [[1]]


@pytest.mark.parametrize(
    ("halves", "expected"),
    [
        (BisectHalves.ONE_AFTER_THE_OTHER, [[1, 2]]),
        (BisectHalves.SIDE_BY_SIDE, [[1, 2], [3, 4]]),
    ],
)
def test_halves_without_a_common_key_may_run_side_by_side(world, running, only, halves, expected):
    made = world(
        puts="aabb",
        bisect_on_error=True,
        parallelization_factor=2,
        undocumented=Undocumented(bisect_halves=halves, slot_choice=SlotChoice.ANY_FREE),
    )
    made.fail(only(made))
    assert running(made) == expected


def test_halves_with_a_common_key_never_run_side_by_side(world, running, only):
    undocumented = Undocumented(
        bisect_halves=BisectHalves.SIDE_BY_SIDE, slot_choice=SlotChoice.ANY_FREE
    )
    made = world(
        puts="aaba", bisect_on_error=True, parallelization_factor=2, undocumented=undocumented
    )
    made.fail(only(made))
    assert running(made) == [[1, 2]]


# ------------------------------------------------------------------------ partial failures


def test_what_stands_before_the_returned_record_is_finished(world, running, only):
    made = world(puts="aaaa", undocumented=NO_WAIT)
    made.partly(only(made), 2)
    assert made.mapping.checkpoints == {"shardId-000000000000": "2"}
    assert running(made) == [[3, 4]]


def test_the_lowest_of_several_returned_records_counts(world, running, only):
    made = world(puts="aaaa", undocumented=NO_WAIT)
    failures = [{"itemIdentifier": number} for number in ("4", "2", "3")]
    made.end(only(made), Answered({"batchItemFailures": failures}), 1)
    assert running(made) == [[2, 3, 4]]


def test_without_the_setting_an_answer_says_nothing(world, only):
    made = world(puts="aa", report_batch_item_failures=False)
    failures = [{"itemIdentifier": "1"}]
    made.end(only(made), Answered({"batchItemFailures": failures}))
    assert made.mapping.checkpoints == {"shardId-000000000000": "2"}


@pytest.mark.parametrize("bisect", [True, False])
def test_the_first_record_returned_uses_a_retry_of_the_whole_batch(world, running, only, bisect):
    made = world(puts="aa", maximum_retry_attempts=1, bisect_on_error=bisect, undocumented=NO_WAIT)
    made.partly(only(made), 0)
    assert running(made) == [[1, 2]]
    made.partly(only(made), 0)
    assert discarded(made) == [[1, 2]]


@pytest.mark.parametrize(
    ("progress", "expected"),
    [(PartialProgress.RESETS_RETRIES, []), (PartialProgress.CONSUMES_RETRY, [[3]])],
)
def test_progress_resets_the_retries_or_uses_one(world, only, progress, expected):
    undocumented = Undocumented(partial_progress=progress, backoff_first=0)
    made = world(puts="aaa", maximum_retry_attempts=1, undocumented=undocumented)
    made.partly(only(made), 1)
    made.partly(only(made), 1)
    assert discarded(made) == expected


def test_with_bisect_progress_is_a_split_and_uses_no_retry(world, only):
    undocumented = Undocumented(partial_progress=PartialProgress.CONSUMES_RETRY, backoff_first=0)
    made = world(
        puts="aaa", maximum_retry_attempts=0, bisect_on_error=True, undocumented=undocumented
    )
    made.partly(only(made), 1)
    made.partly(only(made), 1)
    assert made.discards == []


def test_progress_starts_the_back_off_anew(world, only):
    made = world(puts="aa", undocumented=Undocumented(backoff_first=100))
    for _ in range(4):
        made.fail(only(made))
        made.tick(10_000)
    made.partly(only(made), 1)
    assert made.wake_at - made.now == 100


def test_an_answer_that_cannot_be_understood_fails_the_whole_batch(world, running, only):
    made = world(puts="aa", undocumented=NO_WAIT)
    made.end(only(made), Answered({"batchItemFailures": [{"itemIdentifier": "99"}]}), 0)
    assert running(made) == [[1, 2]]


# ------------------------------------------------------------------------ failing slots


@pytest.mark.parametrize(
    ("failing", "goes_on"), [(FailingSlot.BLOCKS_ITSELF, True), (FailingSlot.BLOCKS_SHARD, False)]
)
def test_a_failing_slot_blocks_its_siblings_or_not(world, failing, goes_on):
    keys = [f"order-{n}" for n in range(20)]
    undocumented = Undocumented(failing_slot=failing)
    made = world(puts=keys * 3, batch_size=4, parallelization_factor=2, undocumented=undocumented)
    first, second = sorted(made.running)
    made.fail(first)
    made.succeed(second)
    assert bool(made.running) is goes_on
    made.heal()
    assert made.left == set()


def test_the_checkpoint_waits_for_the_slowest_slot(world):
    made = world(puts=[f"order-{n}" for n in range(20)], batch_size=100, parallelization_factor=2)
    slow, fast = sorted(made.running, key=lambda i: made.running[i].records[0].sequence_number)
    made.succeed(fast)
    assert made.mapping.checkpoints == {}
    made.succeed(slow)
    assert made.mapping.checkpoints == {"shardId-000000000000": "20"}
