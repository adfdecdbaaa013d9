"""What a running mapping has done and how far behind it is, as one frozen snapshot."""

import threading

import msgspec

from local.mapping.facts import (
    Answered,
    Discard,
    FunctionFailed,
    Input,
    InvocationEnded,
    Invoke,
    Output,
    RecordsRead,
    ShardDrained,
    Throttled,
)


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since the start; `in_flight`, `behind_records` and `lag_ms` are of now.

    `behind_records` were read and are not finished. `lag_ms` is the age of the oldest record that
    is not finished, or how far the reading is behind the stream's tip, whichever is more.
    """

    records_read: int = 0
    invocations: int = 0
    records_invoked: int = 0
    retries: int = 0
    answered: int = 0
    failed: int = 0
    timed_out: int = 0
    throttled: int = 0
    discarded_batches: int = 0
    discarded_records: int = 0
    delivery_failures: int = 0
    read_failures: int = 0
    shards_drained: int = 0
    shards: int = 0
    in_flight: int = 0
    behind_records: int = 0
    lag_ms: int = 0


class Counters:
    """Adds up what goes into and comes out of the mapping; safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def count(self, **amounts: int) -> None:
        with self._lock:
            for name, amount in amounts.items():
                self._counts[name] = self._counts.get(name, 0) + amount

    def see(self, fact: Input | Output) -> None:
        match fact:
            case RecordsRead(records=records):
                self.count(records_read=len(records))
            case Invoke(records=records, attempt=attempt):
                again = int(attempt > 1)
                self.count(invocations=1, records_invoked=len(records), retries=again)
            case InvocationEnded(outcome=Answered()):
                self.count(answered=1)
            case InvocationEnded(outcome=FunctionFailed(timed_out=timed_out)):
                self.count(failed=1, timed_out=int(timed_out))
            case InvocationEnded(outcome=Throttled()):
                self.count(throttled=1)
            case Discard(records=records):
                self.count(discarded_batches=1, discarded_records=len(records))
            case ShardDrained():
                self.count(shards_drained=1)
            case _:
                pass

    def snapshot(self, *, shards: int, in_flight: int, behind_records: int, lag_ms: int) -> Stats:
        with self._lock:
            return Stats(
                **self._counts,
                shards=shards,
                in_flight=in_flight,
                behind_records=behind_records,
                lag_ms=lag_ms,
            )
