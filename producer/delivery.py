"""Deliver a handful of events now, in the calling thread, and keep nothing afterwards.

The same decisions as the library's, without its buffer and threads: when `deliver` returns, every
event has its result and nothing is in flight. This is what a Lambda invocation needs, whose process
is frozen the moment it answers, with whatever its threads were doing.
"""

import random
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import TypeAlias

import msgspec

from contract import Event, KeyStrategy
from producer.backoff import FullJitter
from producer.errors import SendError
from producer.kinesis import Stream
from producer.receipts import Receipt
from producer.sequencing import Sequencer
from producer.settings import ProducerSettings

Result: TypeAlias = Receipt | SendError


def deliver(
    events: Sequence[tuple[Event, bytes]],
    *,
    stream: Stream,
    strategy: KeyStrategy,
    settings: ProducerSettings,
    seconds: float,
    clock: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
    jitter: Callable[[], float] | None = None,
) -> list[Result]:
    """One result for each event, in their order; events of one order go out in this order.

    The last attempt begins within `seconds`; it may take a connect and a read time-out more.
    `jitter` gives numbers from 0 to 1, by which retries are spread.
    """
    settings = msgspec.structs.replace(
        settings, delivery_timeout=seconds, linger=0, record_linger=0
    )
    spread = jitter or random.Random().random  # noqa: S311 - keeps no secret
    backoff = FullJitter(base=settings.retry_base, cap=settings.retry_cap, random=spread)
    sequencer = Sequencer(settings=settings, strategy=strategy, backoff=backoff)
    results: dict[int, Result] = {}
    began = clock()
    for place, (event, payload) in enumerate(events):
        refusal = sequencer.offer(
            event_id=event.id, order_id=event.order_id, payload=payload, ticket=place, now=began
        )
        if refusal is not None:
            results[place] = refusal
    while not sequencer.idle:
        now = clock()
        results.update(sequencer.expire(now))
        request = sequencer.next_request(now)
        if request is not None:
            results.update(sequencer.resolved(request, stream.put(request), clock()))
        elif not sequencer.idle:
            pause(max(0.0, sequencer.wakeup() - now))
    return [results[place] for place in range(len(events))]
