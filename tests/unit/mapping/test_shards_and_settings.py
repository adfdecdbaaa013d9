"""Lineage, positions, updates in place, disabling, and what a successor takes over."""

import msgspec
import pytest

from local.mapping.facts import Answered, InvocationEnded, RecordsRead
from local.mapping.machine import EventSourceMapping
from local.mapping.position import After, AtTimestamp, Latest, TrimHorizon
from local.mapping.settings import InvalidSettings, MappingSettings
from local.mapping.undocumented import MergedChild, Undocumented, UpdateDuringBatch
from tests.property.mapping.world import World


def listed(made):
    made.handle(made.listing())
    return sorted(read.shard_id[-1] for read in made.reads)


def read_all(made):
    for read in tuple(made.reads):
        made.answer_read(read)


# ------------------------------------------------------------------------ lineage


def test_children_are_read_when_their_parent_is_drained(world, only):
    made = world(puts="ab")
    made.split(made.shards["shardId-000000000000"])
    made.put("a")
    assert listed(made) == ["0"]
    read_all(made)
    assert listed(made) == [], "the parent is closed, but a batch of it runs"
    made.succeed(only(made))
    assert listed(made) == ["1", "2"]


def test_children_of_a_drained_parent_are_found_later(world, only):
    made = world(puts="a")
    made.succeed(only(made))
    made.split(made.shards["shardId-000000000000"])
    read_all(made)
    assert listed(made) == ["1", "2"]


@pytest.mark.parametrize(
    ("merged", "expected"),
    [(MergedChild.AFTER_BOTH, ["2"]), (MergedChild.AFTER_ONE, ["2", "3"])],
)
def test_a_merged_child_waits_for_both_parents_or_one(world, merged, expected):
    made = world(undocumented=Undocumented(merged_child=merged))
    made.split(made.shards["shardId-000000000000"])
    read_all(made)
    listed(made)
    made.merge(made.shards["shardId-000000000001"], made.shards["shardId-000000000002"])
    made.answer_read(next(read for read in made.reads if read.shard_id.endswith("1")))
    assert listed(made) == expected


def test_a_parent_that_has_expired_is_not_waited_for():
    made = World(MappingSettings(), Undocumented())
    made.split(made.shards["shardId-000000000000"])
    del made.shards["shardId-000000000000"]
    assert listed(made) == ["1", "2"]


# ------------------------------------------------------------------------ positions


@pytest.mark.parametrize("start", [TrimHorizon(), Latest(), AtTimestamp(5)])
def test_shards_of_the_first_listing_are_read_from_the_starting_position(start):
    made = World(MappingSettings(starting_position=start), Undocumented())
    listed(made)
    assert made.reads[0].position == start


def test_shards_found_later_are_read_from_their_beginning():
    made = World(MappingSettings(starting_position=Latest()), Undocumented())
    listed(made)
    made.split(made.shards["shardId-000000000000"])
    read_all(made)
    listed(made)
    assert [read.position for read in made.reads] == [TrimHorizon(), TrimHorizon()]


def test_a_successor_goes_on_at_the_checkpoint(world, running, only):
    made = world(puts="aaa", batch_size=2)
    made.succeed(only(made))
    made.restart()
    assert made.reads[0].position == After("2")
    read_all(made)
    assert running(made) == [[3]]


def test_a_mapping_made_anew_reads_everything_again(world, running, only):
    made = world(puts="aaa")
    made.succeed(only(made))
    made.mapping = EventSourceMapping(made.settings)
    made.reads.clear()
    listed(made)
    read_all(made)
    assert running(made) == [[1, 2, 3]]


# ------------------------------------------------------------------------ updates


def test_an_update_takes_effect_on_the_next_batch_at_the_same_position(world, running, only):
    made = world(puts="aaaaa", batch_size=1)
    made.update(msgspec.structs.replace(made.settings, batch_size=3))
    assert running(made) == [[1]]
    made.succeed(only(made))
    assert running(made) == [[2, 3, 4]]


def test_a_smaller_factor_lets_what_runs_finish(world):
    made = world(puts=[f"order-{n}" for n in range(60)], batch_size=2, parallelization_factor=8)
    before = len(made.running)
    made.update(msgspec.structs.replace(made.settings, parallelization_factor=1))
    assert len(made.running) == before > 1
    for invocation_id in tuple(made.running):
        made.succeed(invocation_id)
    assert len(made.running) == 1


def test_a_bigger_factor_does_not_take_a_key_out_of_its_running_batch(world, running):
    made = world(puts="abcd" * 2, batch_size=4, parallelization_factor=1)
    assert running(made) == [[1, 2, 3, 4]]
    made.update(msgspec.structs.replace(made.settings, parallelization_factor=4))
    assert running(made) == [[1, 2, 3, 4]]


def test_an_update_may_start_again_beside_what_runs(world, running, only):
    undocumented = Undocumented(update_during_batch=UpdateDuringBatch.STARTS_AGAIN)
    made = world(puts="aaa", undocumented=undocumented)
    zombie = only(made)
    made.update(made.settings)
    read_all(made)
    assert running(made) == [[1, 2, 3]]
    assert list(made.zombies) == [zombie]
    made.succeed(zombie)
    assert made.mapping.checkpoints == {}, "what it says does not count any more"


def test_while_disabled_nothing_is_read_or_invoked(world, running, only):
    made = world(puts="aa", batch_size=1)
    off = msgspec.structs.replace(made.settings, enabled=False)
    made.update(off)
    made.succeed(only(made))
    read_all(made)
    assert running(made) == []
    assert made.reads == []
    assert made.mapping.checkpoints == {"shardId-000000000000": "1"}


def test_enabled_again_it_goes_on_at_the_checkpoint_when_what_ran_is_done(world, running, only):
    made = world(puts="aa", batch_size=1)
    made.update(msgspec.structs.replace(made.settings, enabled=False))
    made.reads.clear()
    made.update(msgspec.structs.replace(made.settings, enabled=True))
    assert made.reads == [], "a batch from before still runs"
    made.succeed(only(made))
    assert made.reads[0].position == After("1")
    read_all(made)
    assert running(made) == [[2]]


def test_a_mapping_that_starts_disabled_waits(world):
    made = world(puts="a", enabled=False)
    assert (made.reads, made.running) == ([], {})
    made.update(msgspec.structs.replace(made.settings, enabled=True))
    assert len(made.reads) == 1


# ------------------------------------------------------------------------ what is not asked for


def test_answers_to_requests_that_were_given_up_are_ignored(world, running, only):
    made = world(puts="aa")
    ended = InvocationEnded(invocation_id=only(made), outcome=Answered(None))
    made.succeed(only(made))
    assert made.mapping.handle(ended, made.now) == []
    stale = RecordsRead(shard_id="shardId-000000000000", read_id=1)
    assert made.mapping.handle(stale, made.now) == []


def test_settings_that_are_wrong_say_which_and_why():
    with pytest.raises(InvalidSettings, match="batch_size: is 10001, allowed are 1 to 10000"):
        MappingSettings(batch_size=10_001)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("batch_size", 0),
        ("batch_size", "100"),
        ("batch_size", True),
        ("window_seconds", 301),
        ("window_seconds", -1),
        ("parallelization_factor", 11),
        ("parallelization_factor", 0),
        ("maximum_retry_attempts", -2),
        ("maximum_retry_attempts", 10_001),
        ("maximum_record_age_seconds", 59),
        ("maximum_record_age_seconds", 604_801),
    ],
)
def test_a_setting_out_of_its_range_is_refused(setting, value):
    with pytest.raises(InvalidSettings) as refused:
        MappingSettings(**{setting: value})
    assert refused.value.setting == setting


def test_the_services_own_defaults_are_allowed():
    settings = MappingSettings()
    assert (settings.batch_size, settings.window_seconds) == (100, 0)
