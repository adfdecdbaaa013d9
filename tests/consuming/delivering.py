"""The real event source mapping over a list of records, invoking real environments."""

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial

from local.environments.environment import Ending, InvocationResult
from local.environments.pool import EnvironmentPool
from local.mapping.facts import (
    Answered,
    Discard,
    FunctionFailed,
    Input,
    InvocationEnded,
    Invoke,
    ListedShard,
    Outcome,
    Output,
    Read,
    RecordsRead,
    ShardDrained,
    ShardsListed,
    Throttled,
    Tick,
    WakeAt,
)
from local.mapping.lambda_event import StreamIdentity, event_of, event_record
from local.mapping.machine import EventSourceMapping
from local.mapping.position import After
from local.mapping.settings import MappingSettings
from local.mapping.undocumented import Undocumented

SHARD = "shardId-000000000000"
_STREAM = StreamIdentity("arn:aws:kinesis:eu-west-1:000000000000:stream/orders")

AS_DEPLOYED = MappingSettings(
    batch_size=100,
    parallelization_factor=2,
    bisect_on_error=True,
    report_batch_item_failures=True,
)
"""The template's, but for the window."""


class Delivering:
    """Delivers the records of one closed shard until every one is finished.

    `records` are partition keys and data at sequence numbers from 1. `at_end` hears of every
    invocation's end. What the mapping gives up is an error: its retries are unlimited.
    """

    def __init__(
        self,
        records: Sequence[tuple[str, bytes]],
        pool: EnvironmentPool,
        settings: MappingSettings = AS_DEPLOYED,
        *,
        undocumented: Undocumented | None = None,
        at_end: Callable[[Invoke, InvocationResult], None] = lambda *_: None,
    ) -> None:
        self._records = [
            event_record(
                _STREAM,
                SHARD,
                {
                    "SequenceNumber": str(number),
                    "PartitionKey": key,
                    "Data": data,
                    "ApproximateArrivalTimestamp": datetime.now(UTC),
                },
            )
            for number, (key, data) in enumerate(records, start=1)
        ]
        self._pool = pool
        self._machine = EventSourceMapping(settings, undocumented=undocumented)
        self._inbox: queue.SimpleQueue[Input] = queue.SimpleQueue()
        self._at_end = at_end
        self._wake: float | None = None
        self.endings: list[Ending] = []

    def run(self, *, seconds: float) -> None:
        """Until the shard is drained; raises `TimeoutError`."""
        deadline = time.monotonic() + seconds
        self._inbox.put(ShardsListed((ListedShard(shard_id=SHARD),)))
        while True:
            now = time.time()
            until = min(deadline, time.monotonic() + max(0.0, (self._wake or now + 1.0) - now))
            try:
                fact: Input = self._inbox.get(timeout=max(0.001, until - time.monotonic()))
            except queue.Empty:
                fact = Tick()
            if time.monotonic() > deadline:
                raise TimeoutError(f"not drained: {self._machine.standing}; {self.endings}")
            for output in self._machine.handle(fact, int(time.time() * 1000)):
                if isinstance(output, ShardDrained):
                    return
                self._do(output)

    def _do(self, output: Output) -> None:
        match output:
            case Read():
                at = output.position
                start = int(at.sequence_number) if isinstance(at, After) else 0
                found = tuple(self._records[start : start + output.limit])
                closed = start + len(found) == len(self._records)
                self._inbox.put(
                    RecordsRead(
                        shard_id=SHARD, read_id=output.read_id, records=found, closed=closed
                    )
                )
            case Invoke():
                future = self._pool.invoke(event_of(output.records))
                future.add_done_callback(partial(self._ended, output))
            case WakeAt():
                self._wake = output.at / 1000
            case Discard():
                raise AssertionError(f"the mapping gave up {len(output.records)} records")
            case _:
                pass

    def _ended(self, invoke: Invoke, future: Future[InvocationResult]) -> None:
        result = future.result()
        self.endings.append(result.ending)
        self._at_end(invoke, result)
        self._inbox.put(
            InvocationEnded(invocation_id=invoke.invocation_id, outcome=_outcome(result))
        )


def _outcome(result: InvocationResult) -> Outcome:
    match result.ending:
        case Ending.ANSWERED:
            return Answered(result.answer)
        case Ending.THROTTLED:
            return Throttled()
        case _:
            timed_out = result.ending is Ending.TIMED_OUT
            return FunctionFailed(error_type=result.error_type, timed_out=timed_out)
