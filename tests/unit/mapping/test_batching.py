"""When a batch is invoked and what is in it: size, window, payload, slots."""

import pytest

from local.mapping.settings import PAYLOAD_LIMIT
from local.mapping.undocumented import SlotChoice, Undocumented

ENVELOPE = len('{"Records":[]}')


def test_without_a_window_what_was_read_is_invoked_at_once(world, running):
    assert running(world(puts="abc", batch_size=10)) == [[1, 2, 3]]


def test_a_batch_holds_at_most_its_size_and_the_next_waits_for_it(world, running, only):
    made = world(puts="aaaaa", batch_size=2)
    assert running(made) == [[1, 2]]
    made.succeed(only(made))
    assert running(made) == [[3, 4]]
    made.succeed(only(made))
    assert running(made) == [[5]]


def test_a_window_gathers_records_until_it_closes(world, running):
    made = world(puts="a", batch_size=10, window_seconds=2)
    assert running(made) == []
    assert made.wake_at == made.now + 2_000
    made.tick(1_000)
    made.put("b")
    made.answer_read(made.reads[0])
    assert running(made) == []
    made.tick(999)
    assert running(made) == []
    made.tick(1)
    assert running(made) == [[1, 2]]


def test_a_full_batch_does_not_wait_for_the_window(world, running):
    assert running(world(puts="abcd", batch_size=3, window_seconds=300)) == [[1, 2, 3]]


def test_a_full_payload_does_not_wait_for_the_window(world, running):
    made = world(batch_size=10, window_seconds=300)
    for _ in range(3):
        made.put("a", size=PAYLOAD_LIMIT // 2)
    made.answer_read(made.reads[0])
    assert running(made) == [[1]]


@pytest.mark.parametrize(("spare", "expected"), [(0, [[1, 2]]), (-1, [[1]])])
def test_the_payload_limit_counts_every_byte_of_the_event(world, running, spare, expected):
    """Two records, a comma and the envelope fit into exactly 6 MB, and not into a byte less."""
    made = world(batch_size=10)
    made.put("a", size=3_000_000)
    commas = 2  # the last record's too, which JSON does not write: a byte on the safe side
    made.put("a", size=PAYLOAD_LIMIT - ENVELOPE - commas - 3_000_000 - spare)
    made.answer_read(made.reads[0])
    assert running(made) == expected


def test_a_record_that_is_too_big_alone_is_invoked_alone(world, running):
    made = world(batch_size=10)
    made.put("a", size=PAYLOAD_LIMIT + 1)
    made.put("a", size=10)
    made.answer_read(made.reads[0])
    assert running(made) == [[1]]


def test_the_factor_bounds_the_batches_of_a_shard(world):
    made = world(puts=[f"order-{n}" for n in range(100)], batch_size=1, parallelization_factor=4)
    assert len(made.running) == 4


@pytest.mark.parametrize("choice", SlotChoice)
def test_one_key_is_never_in_two_running_batches(world, running, choice):
    undocumented = Undocumented(slot_choice=choice)
    made = world(puts="aaaaab", batch_size=2, parallelization_factor=10, undocumented=undocumented)
    in_flight = [number for batch in running(made) for number in batch]
    assert {1, 2} <= set(in_flight)
    assert not {3, 4, 5} & set(in_flight)


def test_a_key_stays_in_its_slot_when_slots_go_by_hash(world):
    made = world(puts="abcdefgh" * 3, batch_size=3, parallelization_factor=3)
    slots: dict[str, set[int]] = {}
    while made.running:
        invocation_id = next(iter(made.running))
        invoke = made.running[invocation_id]
        for record in invoke.records:
            slots.setdefault(record.partition_key, set()).add(invoke.slot)
        made.succeed(invocation_id)
    assert len(slots) == 8
    assert all(len(seen) == 1 for seen in slots.values())


def test_a_free_slot_takes_other_keys_when_slots_do_not_go_by_hash(world, running):
    undocumented = Undocumented(slot_choice=SlotChoice.ANY_FREE)
    made = world(puts="aabaca", batch_size=2, parallelization_factor=2, undocumented=undocumented)
    assert running(made) == [[1, 2], [3, 5]]


def test_a_shard_is_not_read_on_while_it_holds_enough(world):
    made = world(batch_size=1)
    for _ in range(10_001):
        made.put("a")
    made.answer_read(made.reads[0])
    assert len(made.reads) == 1, "10,000 were read, one of them runs: there is room for more"
    made.answer_read(made.reads[0])
    assert made.reads == []


def test_a_shard_of_big_records_is_not_read_on_while_it_holds_enough(world):
    made = world(batch_size=1)
    for _ in range(40):
        made.put("a", size=1_000_000)
    made.answer_read(made.reads[0])
    assert made.reads == []
