"""Orders that share a partition key, as in `bucket` mode: held together, paused one by one."""

from producer.errors import KeyPaused, NotSent, Unknown
from tests.unit.producer.driving import (
    THROTTLED,
    TIMED_OUT,
    Driver,
    LetterBuckets,
    sequence_numbers,
)


def shared(**settings) -> Driver:
    return Driver(strategy=LetterBuckets(), delivery_timeout=0.4, **settings)


def test_orders_of_one_key_share_records_and_wait_for_each_other():
    driver = shared()
    driver.offer("a1.1", "a2.1", "b1.1")
    request = driver.ask()
    assert driver.names(request) == [["a1.1", "a2.1"], ["b1.1"]]
    assert [record.key.explicit_hash_key for record in request.records] == ["97", "98"]
    driver.offer("a3.1")
    assert driver.ask() is None
    driver.resolve(request)
    assert sequence_numbers(driver, "a1.1", "a2.1", "b1.1") == [(1, 0), (1, 1), (2, 0)]
    assert driver.names(driver.ask()) == [["a3.1"]]


def test_only_orders_in_the_failed_record_pause():
    driver = shared()
    driver.offer("a1.1", "a2.1")
    request = driver.ask()
    driver.offer("a1.2", "a3.1")
    driver.resolve(request, THROTTLED)
    assert isinstance(driver.results["a2.1"], NotSent)
    assert isinstance(driver.results["a1.2"], KeyPaused)
    assert set(driver.sequencer.paused()) == {"a1", "a2"}
    assert driver.names(driver.ask()) == [["a3.1"]]


def test_an_owed_record_goes_again_once_and_resumes_only_the_order_that_was_asked_for():
    driver = shared()
    driver.offer("a1.1", "a2.1")
    driver.resolve(driver.ask(), TIMED_OUT)
    assert isinstance(driver.results["a2.1"], Unknown)
    owed = driver.resume("a1")
    driver.offer("a1.2", "a2.2")
    assert isinstance(driver.results["a2.2"], KeyPaused)
    assert driver.resume("a2") == [], "its record is on its way already"
    driver.offer("a2.3")
    again = driver.ask()
    assert driver.names(again) == [["a1.1", "a2.1"]]
    driver.resolve(again)
    assert sequence_numbers(driver, *owed) == [(1, 0), (1, 1)]
    assert driver.names(driver.ask()) == [["a1.2", "a2.3"]]


def test_an_owed_record_waits_for_the_unresolved_one_of_its_key():
    driver = shared()
    driver.offer("a1.1")
    driver.resolve(driver.ask(), TIMED_OUT)
    driver.offer("a2.1")
    other = driver.ask()
    driver.resume("a1")
    driver.offer("a1.2")
    assert driver.ask() is None
    driver.resolve(other)
    assert driver.names(driver.ask()) == [["a1.1"]]
