"""A key that gathers: it waits for company in its record, and no longer than it has to."""

import pytest

from contract import BucketKeys
from producer import InvalidSetting, ProducerSettings, Receipt
from producer.delivery import deliver
from producer.errors import NotSent
from producer.keyqueue import FILLED_BYTES
from producer.lineup import NEVER
from producer.outcomes import Accepted
from tests.consuming.events import make_event
from tests.unit.producer.driving import THROTTLED, TIMED_OUT, Driver, LetterBuckets


def gathering(**settings) -> Driver:
    return Driver(strategy=LetterBuckets(), record_linger=1, **settings)


def test_a_record_has_what_came_within_the_wait_of_its_first_event():
    driver = gathering()
    driver.offer("a1.1")
    driver.later(0.6)
    driver.offer("a2.1", "b1.1")
    assert driver.ask() is None
    assert driver.sequencer.wakeup() == pytest.approx(driver.now + 0.4)
    driver.later(0.4)
    assert driver.names(driver.ask()) == [["a1.1", "a2.1"]]
    driver.later(0.6)
    assert driver.names(driver.ask()) == [["b1.1"]]
    assert driver.sequencer.wakeup() > driver.now


def test_keys_whose_wait_ends_close_together_share_a_request():
    driver = gathering(linger=0.1)
    driver.offer("a.1")
    driver.later(0.06)
    driver.offer("b.1")
    driver.later(1.03)
    assert driver.ask() is None, "the request lingers besides"
    driver.later(0.01)
    assert driver.names(driver.ask()) == [["a.1"], ["b.1"]]


def test_what_waited_behind_a_record_in_flight_has_waited_already():
    driver = gathering()
    driver.offer("a1.1")
    driver.later(1)
    request = driver.ask()
    driver.offer("a1.2")
    driver.later(0.7)
    driver.resolve(request)
    assert driver.ask() is None
    driver.later(0.3)
    assert driver.names(driver.ask()) == [["a1.2"]]


def test_a_filled_record_waits_no_longer():
    driver = gathering()
    driver.sequencer.offer(
        event_id=None, order_id="a1", payload=b"x" * FILLED_BYTES, ticket="big", now=driver.now
    )
    assert len(driver.ask().records) == 1


def test_an_early_departure_leaves_no_trace_on_the_next_wait():
    driver = gathering()
    driver.offer("a1.1")
    driver.sequencer.hurry(driver.now)
    driver.resolve(driver.ask())
    driver.later(0.5)
    driver.offer("a1.2")
    driver.later(0.5)
    assert driver.ask() is None, "the first wait's end is not the second's"
    driver.later(0.5)
    assert driver.names(driver.ask()) == [["a1.2"]]


def test_a_hurry_holds_for_what_waits_behind_a_record_in_flight_too():
    driver = gathering()
    driver.offer("a1.1", "b1.1")
    driver.later(1)
    request = driver.ask()
    driver.offer("a1.2")
    driver.later(0.1)
    driver.sequencer.hurry(driver.now)
    driver.later(0.1)
    driver.offer("b1.2")
    driver.resolve(request)
    assert driver.names(driver.ask()) == [["a1.2"]]
    assert driver.ask() is None, "b1.2 was offered after the hurry"


def test_what_an_order_owes_goes_at_once():
    driver = gathering(delivery_timeout=2)
    driver.offer("a1.1")
    driver.later(1)
    driver.resolve(driver.ask(), TIMED_OUT)
    driver.later(2)
    driver.expire()
    driver.resume("a1")
    assert driver.names(driver.ask()) == [["a1.1"]]


def test_a_failed_record_is_tried_again_without_gathering():
    driver = gathering()
    driver.offer("a1.1")
    driver.later(1)
    driver.resolve(driver.ask(), THROTTLED)
    driver.offer("a1.2")
    driver.later(0.5)
    assert driver.names(driver.ask()) == [["a1.1"]]


def test_a_key_whose_events_are_gone_is_passed_over():
    driver = gathering(delivery_timeout=1.5)
    driver.offer("a1.1")
    driver.later(1)
    request = driver.ask()
    driver.offer("a1.2")
    driver.later(2)
    driver.resolve(request, THROTTLED)
    assert isinstance(driver.results["a1.2"], NotSent)
    assert driver.sequencer.idle
    assert driver.ask() is None
    assert driver.sequencer.wakeup() in (NEVER, pytest.approx(driver.now, abs=2))


def test_buckets_gather_by_themselves_and_orders_do_not():
    settings = ProducerSettings()
    assert settings.record_linger_in("order") == 0
    assert settings.record_linger_in(BucketKeys.mode) == 1
    assert ProducerSettings(record_linger=0).record_linger_in(BucketKeys.mode) == 0
    assert ProducerSettings(delivery_timeout=2).record_linger_in(BucketKeys.mode) == 0.2


def test_a_wait_beyond_the_deadline_is_refused():
    with pytest.raises(InvalidSetting, match=r"^record_linger: is 5, has to be less than"):
        ProducerSettings(record_linger=5, delivery_timeout=5)


def test_a_filled_record_leaves_no_trace_on_the_next_wait():
    driver = gathering()
    driver.offer("a1.1")
    driver.later(0.5)
    driver.sequencer.offer(
        event_id=None, order_id="a1", payload=b"x" * FILLED_BYTES, ticket="big", now=driver.now
    )
    request = driver.ask()
    assert len(request.records[0].events) == 2
    driver.offer("a1.3")
    driver.resolve(request)
    driver.later(0.5)
    assert driver.ask() is None, "neither the first wait's end nor what was sent counts any more"
    driver.later(0.5)
    assert driver.names(driver.ask()) == [["a1.3"]]


def test_a_handful_that_is_delivered_now_waits_for_nothing():
    """The Lambda function's way: nobody else's events will come."""

    class Accepting:
        def put(self, request):
            return [Accepted(shard_id="s", sequence_number=1) for _ in request.records]

    def pause(seconds):
        raise AssertionError(f"waits {seconds} s")

    events = [(make_event(1, order_id=order_id), b"{}") for order_id in "ABC"]
    results = deliver(
        events,
        stream=Accepting(),
        strategy=BucketKeys(),
        settings=ProducerSettings(),
        seconds=20,
        clock=lambda: 0.0,
        pause=pause,
    )
    assert all(isinstance(result, Receipt) for result in results)
