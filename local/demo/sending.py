"""The demo's producers: each sends its share of the orders, in the order of the workload."""

import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import Queue

from local.demo.journal import Journal, Sent
from local.demo.workload import Send
from producer import Producer, Receipt

_WAITING_PER_PRODUCER = 1_000
_SHORTEST_SLEEP = 0.005


def send_all(
    sends: Iterable[Send], producers: list[Producer], journal: Journal, *, rate: int
) -> None:
    """Send everything, at most `rate` events a second (0: as fast as they go).

    One thread a producer; all events of one order go through the same one. Returns when every
    event has its receipt or its error, the producers closed. Raises what a producer raised.
    """
    shares = [_Share(producer, journal) for producer in producers]
    try:
        for send in _paced(sends, rate):
            shares[zlib.crc32(send.event.order_id.encode()) % len(shares)].take(send)
    except BaseException:
        for share in shares:
            share.abandon()
        raise
    finally:
        for share in shares:
            share.finish()
    for share in shares:
        if share.failure is not None:
            raise share.failure


class _Share:
    """One producer and the thread that feeds it."""

    def __init__(self, producer: Producer, journal: Journal) -> None:
        self._producer = producer
        self._journal = journal
        self._queue: Queue[Send | None] = Queue(_WAITING_PER_PRODUCER)
        self._thread = threading.Thread(target=self._run, name="demo-sender")
        self.failure: BaseException | None = None
        self._thread.start()

    def take(self, send: Send) -> None:
        self._queue.put(send)

    def abandon(self) -> None:
        """Send nothing more, and let what has not left fail."""
        self._producer.close(timeout=0)

    def finish(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        send: Send | None = None
        try:
            with self._producer as producer:
                while (send := self._queue.get()) is not None:
                    sent = self._journal.note(send.event)
                    producer.send(send.event).add_done_callback(self._settle(sent))
        except BaseException as error:  # noqa: BLE001 - raised again by send_all
            self.failure = error
            if send is not None:
                while self._queue.get() is not None:
                    pass

    def _settle(self, sent: Sent) -> Callable[[Future[Receipt]], None]:
        def settle(future: Future[Receipt]) -> None:
            error = future.exception()
            self._journal.settle(sent, "" if error is None else str(error))

        return settle


def _paced(sends: Iterable[Send], rate: int) -> Iterator[Send]:
    started = time.monotonic()
    for number, send in enumerate(sends, start=1):
        yield send
        ahead = number / rate - (time.monotonic() - started) if rate else 0.0
        if ahead > _SHORTEST_SLEEP:
            time.sleep(ahead)
