"""A sending is a future in everything its caller can do with one, whoever comes first."""

import asyncio
import threading
from concurrent.futures import FIRST_COMPLETED, InvalidStateError, as_completed, wait

import pytest

from producer import NotSent, Receipt
from producer.sending import Sending
from tests.unit.producer.driving import event_id

RECEIPT = Receipt(
    event_id=event_id("x"), order_id="a", shard_id="s", sequence_number=1, sub_sequence_number=0
)
FAILURE = NotSent(event_id=event_id("x"), order_id="a", code="Deadline", detail="too late")


def settle(sending: Sending, result) -> None:
    if isinstance(result, Receipt):
        sending.set_result(result)
    else:
        sending.set_exception(result)


def outcome(sending: Sending, timeout: float | None = None):
    try:
        return sending.result(timeout)
    except NotSent as failure:
        return failure


both_results = pytest.mark.parametrize("result", [RECEIPT, FAILURE], ids=["receipt", "failure"])


@both_results
def test_a_result_that_is_there_is_had_at_once(result):
    sending = Sending()
    assert not sending.done()
    settle(sending, result)
    assert sending.done()
    assert outcome(sending) is outcome(sending, 0) is result
    assert sending.exception(0) is (result if result is FAILURE else None)
    assert not sending.cancelled()
    assert not sending.running()


@both_results
def test_a_result_that_comes_wakes_who_waits(result):
    sending = Sending()
    found = []
    waiter = threading.Thread(target=lambda: found.append(outcome(sending, 10)))
    waiter.start()
    while not sending.met:
        threading.Event().wait(0.001)
    settle(sending, result)
    waiter.join(10)
    assert found == [result]


def test_who_waits_too_short_is_told():
    sending = Sending()
    with pytest.raises(TimeoutError):
        sending.result(0.01)
    with pytest.raises(TimeoutError):
        sending.exception(0.01)


@both_results
@pytest.mark.parametrize("first", [True, False], ids=["callback first", "result first"])
def test_a_callback_is_called_once(result, first):
    sending = Sending()
    called = []
    if first:
        sending.add_done_callback(called.append)
    settle(sending, result)
    if not first:
        sending.add_done_callback(called.append)
    assert called == [sending]


def test_there_is_one_result():
    for sending in (Sending(), Sending()):
        sending.set_result(RECEIPT)
        with pytest.raises(InvalidStateError):
            sending.set_result(RECEIPT)
        with pytest.raises(InvalidStateError):
            sending.set_exception(FAILURE)


def test_it_cannot_be_cancelled():
    sending = Sending()
    assert not sending.cancel()
    sending.set_result(RECEIPT)
    assert sending.result() is RECEIPT
    assert not sending.cancel()


def test_wait_and_as_completed_take_it_before_and_after():
    early, late, never = Sending(), Sending(), Sending()
    early.set_result(RECEIPT)
    assert wait([early, late], 0, FIRST_COMPLETED).done == {early}
    threading.Timer(0.02, late.set_exception, [FAILURE]).start()
    assert set(as_completed([early, late], 10)) == {early, late}
    assert wait([early, late, never], 0).not_done == {never}


def test_asyncio_can_await_it():
    async def both():
        early, late = Sending(), Sending()
        early.set_result(RECEIPT)
        threading.Timer(0.02, late.set_result, [RECEIPT]).start()
        return await asyncio.gather(asyncio.wrap_future(early), asyncio.wrap_future(late))

    assert asyncio.run(both()) == [RECEIPT, RECEIPT]


def test_no_meeting_is_missed():
    """A result and a waiter that come at the same moment find each other, whoever is first."""
    for _ in range(2_000):
        sending, together = Sending(), threading.Barrier(2)
        found = []

        def meet(sending=sending, together=together, found=found):
            together.wait()
            sending.add_done_callback(found.append)

        waiter = threading.Thread(target=meet)
        waiter.start()
        together.wait()
        sending.set_result(RECEIPT)
        waiter.join(10)
        assert found == [sending]


def test_nobody_waiting_costs_no_condition():
    sending = Sending()
    assert vars(sending) == {}
    sending.set_result(RECEIPT)
    assert sending.result() is RECEIPT
    assert set(vars(sending)) == {"_result", "_state"}
