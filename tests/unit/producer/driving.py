"""Drive the sequencer by hand: offer, ask, answer, and see every result by the event's name."""

import uuid
from collections.abc import Callable
from itertools import count

from contract import KeyStrategy, OrderKeys
from contract.keys import StreamKey
from producer.backoff import FullJitter
from producer.errors import SendError
from producer.outcomes import Accepted, Outcome, Refused, Suspect, Unanswered
from producer.receipts import Receipt
from producer.records import Request
from producer.sequencing import Resolution, Sequencer
from producer.settings import ProducerSettings

THROTTLED = Refused(code="ProvisionedThroughputExceededException", detail="slow down")
TIMED_OUT = Unanswered(code="ReadTimeoutError", detail="no answer")
INVALID = Suspect(code="ValidationException", detail="no")


def event_id(name: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, name)


class Driver:
    """A sequencer whose tickets are the events' names, on a clock that the test moves."""

    def __init__(
        self,
        *,
        strategy: KeyStrategy | None = None,
        random: Callable[[], float] = lambda: 0.5,
        **settings,
    ) -> None:
        self.settings = ProducerSettings(
            **{"linger": 0, "delivery_timeout": 10, "retry_base": 1, "retry_cap": 4} | settings
        )
        self.sequencer = Sequencer(
            settings=self.settings,
            strategy=strategy or OrderKeys(),
            backoff=FullJitter(
                base=self.settings.retry_base, cap=self.settings.retry_cap, random=random
            ),
        )
        self.now = 100.0
        self.results: dict[str, Receipt | SendError] = {}
        self.next_sequence_number = 1
        self.repetitions = count()

    def offer(self, *names: str) -> None:
        """Events are named `order.something`."""
        for name in names:
            refusal = self.sequencer.offer(
                event_id=event_id(name),
                order_id=name.split(".")[0],
                payload=name.encode(),
                ticket=name,
                now=self.now,
            )
            if refusal is not None:
                self._take([(name, refusal)])

    def ask(self) -> Request | None:
        return self.sequencer.next_request(self.now)

    def names(self, request: Request | None) -> list[list[str]]:
        """What each record of a request carries."""
        assert request is not None
        return [[event.payload.decode() for event in r.events] for r in request.records]

    def resolve(self, request: Request | None, *outcomes: Outcome | None) -> None:
        """One outcome per record; None accepts it, and naming no outcome accepts them all."""
        assert request is not None
        given = outcomes or (None,) * len(request.records)
        answers = [self.accept() if outcome is None else outcome for outcome in given]
        self._take(self.sequencer.resolved(request, answers, self.now))

    def accept(self) -> Accepted:
        number = self.next_sequence_number
        self.next_sequence_number += 1
        return Accepted(shard_id="shardId-0", sequence_number=number)

    def expire(self) -> None:
        self._take(self.sequencer.expire(self.now))

    def stop(self) -> None:
        self._take(self.sequencer.stop())

    def resume(self, order_id: str) -> list[str]:
        return self.sequencer.resume(
            order_id, now=self.now, new_ticket=lambda: f"again{next(self.repetitions)}"
        )

    def later(self, seconds: float) -> None:
        self.now += seconds

    def _take(self, done: list[Resolution]) -> None:
        for name, result in done:
            assert name not in self.results, f"{name} got a second result"
            self.results[name] = result


def sequence_numbers(driver: Driver, *names: str) -> list[tuple[int, int]]:
    """The positions of events that must have receipts."""
    results = [driver.results[name] for name in names]
    assert all(isinstance(result, Receipt) for result in results), results
    return [tuple(result.position) for result in results]


class LetterBuckets:
    """A second strategy: orders share a key by first letter, as in `bucket` mode by hash."""

    mode = "letters"

    def stream_key(self, order_id: str) -> StreamKey:
        return StreamKey(f"bucket-{order_id[0]}", str(ord(order_id[0])))
