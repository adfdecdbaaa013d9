"""The producer's decisions, one at a time. The names say what must come out."""

import pytest

from producer.errors import KeyPaused, NotSent, OutOfOrder, Unknown
from producer.outcomes import Accepted
from tests.unit.producer.driving import (
    INVALID,
    THROTTLED,
    TIMED_OUT,
    Driver,
    event_id,
    sequence_numbers,
)


def test_one_record_per_key_and_what_waits_becomes_the_next_one():
    driver = Driver()
    driver.offer("a.1", "b.1")
    first = driver.ask()
    driver.offer("a.2", "a.3", "b.2")
    assert driver.names(first) == [["a.1"], ["b.1"]]
    assert driver.ask() is None
    driver.resolve(first)
    assert driver.names(driver.ask()) == [["a.2", "a.3"], ["b.2"]]


def test_receipts_carry_the_place_inside_the_record():
    driver = Driver()
    driver.offer("a.1", "a.2", "b.1")
    driver.resolve(driver.ask())
    assert sequence_numbers(driver, "a.1", "a.2", "b.1") == [(1, 0), (1, 1), (2, 0)]
    receipt = driver.results["a.2"]
    assert (receipt.event_id, receipt.order_id, receipt.shard_id) == (
        event_id("a.2"),
        "a",
        "shardId-0",
    )
    assert driver.sequencer.idle


def test_a_failed_record_is_tried_again_alone_and_its_key_is_held_while_others_go_on():
    driver = Driver()
    driver.offer("a.1", "b.1")
    request = driver.ask()
    driver.resolve(request, THROTTLED, None)
    driver.offer("a.2", "b.2")
    other = driver.ask()
    assert driver.names(other) == [["b.2"]]
    assert driver.ask() is None
    driver.later(0.5)
    again = driver.ask()
    assert driver.names(again) == [["a.1"]]
    driver.resolve(again)
    assert driver.names(driver.ask()) == [["a.2"]]


def test_the_wait_between_attempts_is_full_jitter_under_a_doubling_and_capped_ceiling():
    driver = Driver(random=lambda: 0.999)
    driver.offer("a.1")
    waits = []
    for _ in range(4):
        driver.resolve(driver.ask(), THROTTLED)
        due = driver.sequencer.wakeup()
        waits.append(round(due - driver.now))
        driver.now = due
        if "a.1" in driver.results:
            break
    assert waits[:3] == [1, 2, 4]


def test_wakeup_is_the_time_of_the_next_attempt():
    driver = Driver()
    driver.offer("a.1")
    driver.resolve(driver.ask(), THROTTLED)
    assert driver.sequencer.wakeup() == driver.now + 0.5


def test_a_key_that_cannot_be_sent_before_its_deadline_is_paused_and_says_which_event():
    driver = Driver(delivery_timeout=0.4)
    driver.offer("a.1", "a.2")
    request = driver.ask()
    driver.offer("a.3", "b.1")
    driver.resolve(request, THROTTLED)
    driver.offer("a.4")
    assert isinstance(driver.results["a.1"], NotSent)
    assert isinstance(driver.results["a.2"], NotSent)
    for name in ("a.3", "a.4"):
        error = driver.results[name]
        assert isinstance(error, KeyPaused)
        assert error.event_id == event_id(name)
        assert error.cause is driver.results["a.1"]
        assert str(event_id("a.1")) in str(error)
        assert THROTTLED.code in str(error)
    assert driver.sequencer.paused() == {"a": driver.results["a.1"]}
    assert driver.names(driver.ask()) == [["b.1"]]


def test_resume_lets_a_not_sent_order_go_on():
    driver = Driver(delivery_timeout=0.4)
    driver.offer("a.1")
    driver.resolve(driver.ask(), THROTTLED)
    assert driver.resume("a") == []
    driver.offer("a.1b", "a.2")
    driver.resolve(driver.ask())
    assert sequence_numbers(driver, "a.1b", "a.2") == [(1, 0), (1, 1)]
    assert driver.sequencer.paused() == {}


def test_resume_of_an_order_that_is_not_paused_changes_nothing():
    driver = Driver()
    assert driver.resume("a") == []
    assert driver.sequencer.idle


def test_trap_2_an_unknown_record_is_sent_again_after_resume_before_anything_newer():
    """Trap 2: e1 times out, its key pauses, resume: e1 goes again, the same bytes, then e2."""
    driver = Driver(delivery_timeout=0.4)
    driver.offer("a.1", "a.2")
    first = driver.ask()
    driver.resolve(first, TIMED_OUT)
    assert isinstance(driver.results["a.1"], Unknown)
    assert isinstance(driver.results["a.2"], Unknown)

    owed = driver.resume("a")
    driver.offer("a.3")
    again = driver.ask()
    assert [e.payload for e in again.records[0].events] == [
        e.payload for e in first.records[0].events
    ]
    assert driver.ask() is None
    driver.resolve(again)
    assert sequence_numbers(driver, *owed) == [(1, 0), (1, 1)]
    assert driver.names(driver.ask()) == [["a.3"]]


def test_an_unknown_record_stays_unknown_when_its_repetition_is_refused():
    driver = Driver(delivery_timeout=1)
    driver.offer("a.1")
    driver.resolve(driver.ask(), TIMED_OUT)
    driver.later(0.5)
    driver.resolve(driver.ask(), THROTTLED)
    assert isinstance(driver.results["a.1"], Unknown)
    assert driver.results["a.1"].code == THROTTLED.code
    assert len(driver.resume("a")) == 1


def test_an_unknown_record_that_fails_after_resume_is_owed_again():
    driver = Driver(delivery_timeout=0.4)
    driver.offer("a.1")
    driver.resolve(driver.ask(), TIMED_OUT)
    (ticket,) = driver.resume("a")
    driver.offer("a.2")
    driver.resolve(driver.ask(), THROTTLED)
    assert isinstance(driver.results[ticket], Unknown)
    assert isinstance(driver.results["a.2"], KeyPaused)
    driver.resume("a")
    assert driver.names(driver.ask()) == [["a.1"]]


def test_an_unknown_record_is_never_split():
    driver = Driver()
    driver.offer("a.1", "a.2")
    driver.resolve(driver.ask(), TIMED_OUT)
    driver.later(0.5)
    driver.resolve(driver.ask(), INVALID)
    assert isinstance(driver.results["a.1"], Unknown)
    assert isinstance(driver.results["a.2"], Unknown)


def test_what_was_not_tried_before_its_deadline_fails_and_pauses():
    driver = Driver(delivery_timeout=10, max_request_records=1)
    driver.offer("a.1")
    request = driver.ask()
    driver.offer("b.1", "b.2")
    driver.later(10)
    driver.expire()
    assert isinstance(driver.results["b.1"], NotSent)
    assert isinstance(driver.results["b.2"], KeyPaused)
    assert "a.1" not in driver.results, "it is in flight: nobody knows yet"
    driver.resolve(request, TIMED_OUT)
    assert isinstance(driver.results["a.1"], Unknown)


def test_a_held_record_expires_even_if_nobody_asks_for_requests():
    driver = Driver(delivery_timeout=10)
    driver.offer("a.1")
    driver.resolve(driver.ask(), THROTTLED)
    driver.later(10)
    driver.expire()
    assert isinstance(driver.results["a.1"], NotSent)
    assert driver.ask() is None


@pytest.mark.parametrize("outcome", [THROTTLED, INVALID])
def test_what_expired_while_it_was_held_or_narrowed_does_not_go_after_all(outcome):
    driver = Driver(delivery_timeout=10)
    driver.offer("a.1", "b.1")
    driver.resolve(driver.ask(), outcome, outcome)
    driver.later(10)
    driver.expire()
    assert isinstance(driver.results["a.1"], NotSent)
    driver.resume("a")
    driver.offer("a.2")
    assert driver.names(driver.ask()) == [["a.2"]]
    assert driver.ask() is None


def test_what_waited_behind_a_request_that_took_too_long_expires_with_its_return():
    driver = Driver(delivery_timeout=10)
    driver.offer("a.1")
    request = driver.ask()
    driver.offer("a.2")
    driver.later(20)
    driver.resolve(request)
    driver.expire()
    assert sequence_numbers(driver, "a.1") == [(1, 0)]
    assert isinstance(driver.results["a.2"], NotSent)


def test_trap_20_a_receipt_that_does_not_grow_fails_its_event_and_pauses_the_key():
    """Trap 20: two sequential puts of one key come back with decreasing sequence numbers."""
    driver = Driver()
    driver.offer("a.1")
    driver.resolve(driver.ask(), Accepted(shard_id="shardId-0", sequence_number=7))
    driver.offer("a.2")
    request = driver.ask()
    driver.offer("a.3")
    driver.resolve(request, Accepted(shard_id="shardId-0", sequence_number=6))
    assert isinstance(driver.results["a.2"], OutOfOrder)
    assert isinstance(driver.results["a.3"], KeyPaused)
    assert driver.resume("a") == [], "it is on the stream: nothing to send again"


def test_a_change_of_shard_is_fine_as_long_as_the_receipts_grow():
    driver = Driver()
    for shard, number in (("shardId-0", 7), ("shardId-9", 8)):
        driver.offer(f"a.{number}")
        driver.resolve(driver.ask(), Accepted(shard_id=shard, sequence_number=number))
    assert sequence_numbers(driver, "a.7", "a.8") == [(7, 0), (8, 0)]


@pytest.mark.parametrize("culprit", [0, 1, 249, 499])
def test_trap_21_one_invalid_record_of_500_fails_alone(culprit):
    """Trap 21: one oversize or invalid record in a PutRecords of 500: 499 go through."""
    driver = Driver()
    names = [f"order{n}.1" for n in range(500)]
    driver.offer(*names)
    requests = 0
    while (request := driver.ask()) is not None:
        requests += 1
        spoilt = [names[culprit]] in driver.names(request)
        driver.resolve(request, *([INVALID] * len(request.records) if spoilt else ()))
    assert isinstance(driver.results[names[culprit]], NotSent)
    assert driver.sequencer.stats().sent == 499
    assert requests <= 2 * 9 + 1, "halving, not trying one by one"


def test_an_invalid_event_inside_an_aggregate_is_narrowed_down_to_itself():
    driver = Driver()
    names = [f"a.{n}" for n in range(8)]
    driver.offer(*names)
    while (request := driver.ask()) is not None:
        spoilt = "a.5" in driver.names(request)[0]
        driver.resolve(request, INVALID if spoilt else None)
    receipts = [driver.results[f"a.{n}"].position for n in range(5)]
    assert receipts == sorted(receipts)
    assert type(driver.results["a.5"]) is NotSent
    assert isinstance(driver.results["a.6"], KeyPaused)
    assert isinstance(driver.results["a.7"], KeyPaused)


def test_what_is_narrowed_goes_before_what_is_new_and_in_requests_of_its_own():
    driver = Driver()
    driver.offer("a.1", "b.1", "c.1", "d.1")
    request = driver.ask()
    driver.offer("e.1")
    driver.resolve(request, INVALID, INVALID, INVALID, INVALID)
    assert driver.names(driver.ask()) == [["a.1"], ["b.1"]]
    assert driver.names(driver.ask()) == [["c.1"], ["d.1"]]
    assert driver.names(driver.ask()) == [["e.1"]]


def test_a_first_event_lingers_for_company_unless_there_is_a_hurry():
    driver = Driver(linger=0.005)
    driver.offer("a.1")
    assert driver.ask() is None
    assert driver.sequencer.wakeup() == pytest.approx(driver.now + 0.005)
    driver.later(0.003)
    driver.offer("b.1")
    driver.later(0.002)
    assert driver.names(driver.ask()) == [["a.1"], ["b.1"]]
    driver.offer("c.1")
    driver.sequencer.hurry(driver.now)
    assert driver.names(driver.ask()) == [["c.1"]]


def test_a_full_request_does_not_linger():
    driver = Driver(linger=5, max_request_records=3)
    driver.offer("a.1", "b.1", "c.1", "d.1")
    assert len(driver.ask().records) == 3


def test_stop_fails_what_is_not_in_flight_and_tries_nothing_again():
    driver = Driver()
    driver.offer("a.1", "b.1")
    request = driver.ask()
    driver.offer("a.2", "c.1")
    driver.stop()
    assert isinstance(driver.results["c.1"], NotSent)
    assert "a.1" not in driver.results
    driver.resolve(request, TIMED_OUT, None)
    driver.expire()
    assert isinstance(driver.results["a.1"], Unknown)
    assert isinstance(driver.results["a.2"], KeyPaused)
    assert sequence_numbers(driver, "b.1") == [(1, 0)]
    assert driver.ask() is None
    assert driver.sequencer.idle


def test_room_counts_events_bytes_and_paused_orders():
    driver = Driver(max_buffered_events=3, delivery_timeout=0.4)
    driver.offer("a.1", "b.1")
    assert driver.sequencer.has_room(10)
    driver.offer("c.1")
    assert not driver.sequencer.has_room(10)
    driver.resolve(driver.ask(), None, THROTTLED, TIMED_OUT)
    # b is paused: one place. c is paused and owes an event: two.
    assert not driver.sequencer.has_room(10)
    driver.resume("b")
    assert driver.sequencer.has_room(10)
    assert not driver.sequencer.has_room(driver.settings.max_buffered_bytes)


def test_idle_keys_are_forgotten_and_paused_ones_are_not():
    driver = Driver(delivery_timeout=0.4, remembered_keys=10)
    for n in range(100):
        driver.offer(f"order{n}.1")
        driver.resolve(driver.ask(), THROTTLED if n == 3 else None)
    assert driver.sequencer.idle
    assert not driver.sequencer._lineup.queues
    assert len(driver.sequencer._last) == 10
    assert list(driver.sequencer.paused()) == ["order3"]
    stats = driver.sequencer.stats()
    assert (stats.buffered_events, stats.buffered_bytes, stats.sent) == (0, 0, 99)
