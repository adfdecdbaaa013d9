"""Live load: the demo's workload through real producers, for as long as faults are made."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from contract import Event
from local.demo.journal import Journal
from local.demo.sending import send_all
from local.demo.workload import generate
from local.kinesis.endpoint import Endpoint
from producer import Producer, ProducerSettings
from tests.consuming.waiting import until

PRODUCERS = 2
EVENTS = 8_000
MOST_ROUNDS = 10
"""So often are as many events of new orders sent; the faults are to be over before that."""


class Load:
    """Sends in a thread until `stop`. `journal` knows what was acknowledged, `sent` every event in
    the order of sending, also what was sent again.
    """

    def __init__(self, endpoint: Endpoint, arn: str, *, seed: int, rate: int) -> None:
        self.journal = Journal()
        self.sent: list[Event] = []
        self._seed = seed
        self._rate = rate
        self._enough = threading.Event()
        self._failure: BaseException | None = None
        self._producers = [_producer(endpoint, arn) for _ in range(PRODUCERS)]
        self._thread = threading.Thread(target=self._run, name="load")
        self._thread.start()

    @property
    def is_live(self) -> bool:
        return self._thread.is_alive() and not self._enough.is_set()

    def wait_for(self, more: int) -> None:
        """Wait until so many more events are acknowledged; it has to be live meanwhile."""
        wanted = self.journal.acknowledged + more
        until(lambda: self.journal.acknowledged >= wanted or not self.is_live, seconds=30)
        assert self.is_live, "the load ended before the faults did"

    def stop(self) -> None:
        """Send nothing more, and wait for the receipts of what was sent."""
        self._enough.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        assert self._failure is None, self._failure
        assert list(self.journal.problems()) == []

    def _run(self) -> None:
        try:
            send_all(self._sends(), self._producers, self.journal, rate=self._rate)
        except BaseException as error:  # noqa: BLE001 - told by stop
            self._failure = error

    def _sends(self):
        for round_ in range(MOST_ROUNDS):
            for send in generate(self._seed + 1_000 * round_, EVENTS):
                if self._enough.is_set():
                    return
                self.sent.append(send.event)
                yield send


@contextmanager
def sending(endpoint: Endpoint, arn: str, *, seed: int, rate: int = 800) -> Iterator[Load]:
    """A load that is live in the block, `rate` events a second."""
    load = Load(endpoint, arn, seed=seed, rate=rate)
    try:
        yield load
    finally:
        load._enough.set()
        load._thread.join(60)


def _producer(endpoint: Endpoint, arn: str) -> Producer:
    settings = ProducerSettings(delivery_timeout=60.0)
    name = arn.rpartition("/")[2]  # kinesalite knows no ARNs in requests
    return Producer(
        name, endpoint.client(connections=settings.max_requests_in_flight), settings=settings
    )
