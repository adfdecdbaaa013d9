"""The producer as a library: a buffer in front, a few threads behind, the sequencer in between.

Nothing is decided here. Threads ask the sequencer for a request, put it, and report what came back;
futures are resolved outside the lock, so their callbacks may call the producer (but should not wait
in it: they run on the threads that send).
"""

import random
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from time import monotonic
from types import TracebackType
from typing import Any, Self

from contract import Event, KeyStrategy, OrderKeys
from producer.backoff import FullJitter
from producer.errors import BufferFull, ProducerClosed, SendError
from producer.guards import guard
from producer.intake import encoded
from producer.kinesis import Stream, kinesis_client
from producer.lineup import NEVER
from producer.receipts import Receipt
from producer.records import Request
from producer.sending import Sending
from producer.sequencing import Resolution, Sequencer
from producer.settings import ProducerSettings
from producer.stats import Stats


class Producer:
    """Puts events on a Kinesis stream, in order per order.

    `send` may be called from any thread; the events of one order go out in the order of the calls.
    There must be one producer per order at a time; a handover calls `flush` first.

    Events whose future has no receipt when the process ends (it crashed, or they failed) are the
    caller's to send again: the same events, with the same ids, in the same order, before any later
    event of their orders. The consumer drops what had arrived after all.

    `stream` is a name or an ARN. Raises `StreamUnusable` if the stream would not keep the order,
    and `InvalidSetting` for a client that retries by itself (see `kinesis_client`).
    """

    def __init__(
        self,
        stream: str,
        client: Any = None,
        *,
        strategy: KeyStrategy | None = None,
        settings: ProducerSettings | None = None,
    ) -> None:
        settings = settings or ProducerSettings()
        strategy = strategy or OrderKeys()
        client = client or kinesis_client(settings)
        self._settings = settings
        self._stream = Stream(stream, client)
        if settings.guards:
            guard(client, stream, mode=strategy.mode)
        jitter = random.Random().random  # noqa: S311 - spreads retries, keeps no secret
        self._sequencer = Sequencer(
            settings=settings,
            strategy=strategy,
            backoff=FullJitter(base=settings.retry_base, cap=settings.retry_cap, random=jitter),
        )
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._sleepers = 0
        self._next_waker = NEVER
        self._closing = self._stopped = False
        self._threads = [
            threading.Thread(target=self._run, name=f"producer-{stream}-{n}", daemon=True)
            for n in range(settings.max_requests_in_flight)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, event: Event | Mapping[str, Any] | bytes) -> Future[Receipt]:
        """Take one event; the future brings its receipt, or the `SendError` that says what became
        of it. Bytes are one event's JSON and go out as they are.

        Raises `InvalidEvent`, `BufferFull` or `ProducerClosed`; then nothing was taken.
        """
        read, payload = encoded(event)
        sending = Sending()
        with self._lock:
            self._check_open()
            if not self._sequencer.has_room(len(payload)):
                self._wait_for_room(read, len(payload))
            refusal = self._sequencer.offer(
                event_id=read.id,
                order_id=read.order_id,
                payload=payload,
                ticket=sending,
                now=monotonic(),
            )
            self._wake_for_work()
        if refusal is not None:
            sending.set_exception(refusal)
        return sending

    def resume(self, order_id: str) -> list[Future[Receipt]]:
        """Let a paused order go on. What may have been sent is sent again first, the same bytes;
        the futures of those events are returned.
        """
        with self._lock:
            owed = self._sequencer.resume(order_id, now=monotonic(), new_ticket=Sending)
            self._wake_for_work()
            self._room.notify_all()
        return owed

    def paused(self) -> Mapping[str, SendError]:
        """The orders that wait for `resume`, each with the failure that paused it."""
        with self._lock:
            return self._sequencer.paused()

    def stats(self) -> Stats:
        """The producer's state in numbers."""
        with self._lock:
            return self._sequencer.stats()

    def flush(self, timeout: float | None = None) -> None:
        """Wait until every event sent before this call has its result; raises `TimeoutError`."""
        with self._lock:
            waiting = list(self._sequencer.outstanding())
            self._sequencer.hurry(monotonic())
            self._work.notify_all()
        # One by one, since most have their result by the time the first one has.
        until = NEVER if timeout is None else monotonic() + timeout
        for sending in waiting:
            if not sending.done():
                left = None if timeout is None else max(0.0, until - monotonic())
                if wait_for([sending], left).not_done:
                    late = sum(not other.done() for other in waiting)
                    raise TimeoutError(f"{late} events have no result after {timeout} s")

    def close(self, timeout: float | None = None) -> None:
        """Flush, then end; what has no result after `timeout` seconds is tried no more and fails.

        When it returns nothing is buffered or in flight, and every future has its result.
        """
        with self._lock:
            self._closing = True
            self._room.notify_all()
        try:
            self.flush(timeout)
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._stopped = True
                done = self._sequencer.stop()
                self._work.notify_all()
            _resolve(done)
            for thread in self._threads:
                thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; after an exception without waiting for more than what is in flight."""
        self.close(timeout=None if kind is None else 0)

    def _wait_for_room(self, event: Event, size: int) -> None:
        if self._sequencer.refusal(event.id, event.order_id) is not None:
            return  # it will not be taken at all
        self._sequencer.hurry(monotonic())
        self._wake_for_work()
        if self._settings.on_full == "block":
            self._room.wait_for(
                lambda: self._closing or self._sequencer.has_room(size),
                self._settings.block_timeout,
            )
            self._check_open()
        if not self._sequencer.has_room(size):
            raise BufferFull(f"the producer's buffer is full: {self._sequencer.stats()}")

    def _check_open(self) -> None:
        if self._closing:
            raise ProducerClosed("the producer is closed")

    def _wake_for_work(self) -> None:
        """Wake a sleeping thread if there is something to do before anybody wakes by itself."""
        if not self._sleepers:
            return
        due = self._sequencer.wakeup()
        if due < self._next_waker:
            self._next_waker = due
            self._work.notify()

    def _run(self) -> None:
        request: Request | None = None
        while True:
            request, done = self._next(request)
            _resolve(done)
            if request is None and not done:
                return

    def _next(self, request: Request | None) -> tuple[Request | None, list[Resolution]]:
        """Put a request if there is one, then wait for the next, or for results to hand on."""
        outcomes = self._stream.put(request) if request is not None else []
        with self._lock:
            done: list[Resolution] = []
            if request is not None:
                done = self._sequencer.resolved(request, outcomes, monotonic())
            while True:
                now = monotonic()
                done += self._sequencer.expire(now)
                following = self._sequencer.next_request(now)
                if following is not None or done or self._stopped:
                    break
                self._sleep(self._sequencer.wakeup() - now)
            self._wake_for_work()
            if done:
                self._room.notify_all()
            return following, done

    def _sleep(self, seconds: float) -> None:
        self._sleepers += 1
        waker = monotonic() + seconds
        self._next_waker = min(self._next_waker, waker)
        self._work.wait(None if seconds == NEVER else max(seconds, 0))
        self._sleepers -= 1
        self._next_waker = NEVER


def _resolve(done: Iterable[Resolution]) -> None:
    for sending, result in done:
        if isinstance(result, Receipt):
            sending.set_result(result)
        else:
            sending.set_exception(result)
