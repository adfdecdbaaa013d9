"""The event source mapping at work: the pure machine between a real stream and real environments.

One thread owns the machine. Everything that happens comes to it through one inbox: shards listed,
records read (a poller thread per shard), invocations ended (the environments' threads), requests
from outside. What the machine wants done is handed to others at once, so that nothing here waits
but for the inbox, and for no longer than the machine's next wake-up call.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Self

import msgspec

from contract.errors import InorderError
from local.environments.environment import Ending, InvocationResult
from local.environments.pool import EnvironmentPool
from local.mapping.facts import (
    Answered,
    Discard,
    FunctionFailed,
    Input,
    InvocationEnded,
    Invoke,
    Outcome,
    Output,
    Read,
    SettingsUpdated,
    ShardsListed,
    Throttled,
    Tick,
    WakeAt,
)
from local.mapping.lambda_event import event_of
from local.mapping.lister import Listing, ShardLister
from local.mapping.machine import EventSourceMapping
from local.mapping.on_failure import OnFailureDestination
from local.mapping.poller import Pace, ReadDone, ShardPoller, ThreadCrashed
from local.mapping.settings import MappingSettings
from local.mapping.stats import Counters, Stats
from local.mapping.stream import KinesisStream, ReadFailed
from local.mapping.tip import Tip, Waiter
from local.mapping.undocumented import Undocumented

Observer = Callable[[Input | Output], None]


class NotDrained(InorderError):
    """The mapping did not come to the stream's tip in time; the message says how far it got."""


class RunnerCrashed(InorderError):
    """The runner's own thread ended by an error: a bug, of the runner or of what observes it."""


class _Stop(msgspec.Struct, frozen=True, kw_only=True):
    drain: bool


class MappingRunner:
    """Runs one mapping until `stop`; `observe` sees every input and output, on the runner's thread.

    The pool is the caller's to stop. `stop` and `wait_drained` may be called from any thread.
    """

    def __init__(
        self,
        stream: KinesisStream,
        pool: EnvironmentPool,
        on_failure: OnFailureDestination,
        settings: MappingSettings,
        *,
        undocumented: Undocumented | None = None,
        checkpoints: Mapping[str, str] | None = None,
        pace: Pace | None = None,
        observe: Observer = lambda _: None,
    ) -> None:
        self._stream = stream
        self._pool = pool
        self._on_failure = on_failure
        self._pace = pace or Pace()
        self._observe = observe
        self._machine = EventSourceMapping(
            settings, undocumented=undocumented, checkpoints=checkpoints
        )
        self._inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._lister = ShardLister(stream, self._inbox.put, self._read_failed)
        self._pollers: dict[str, ShardPoller] = {}
        self._counters = Counters()
        self._tip = Tip()
        self._waiters: list[Waiter] = []
        self._wake_at: int | None = None
        self._stopping: _Stop | None = None
        self._in_flight = 0
        self._crash: Exception | None = None
        self._snapshot = self._counters.snapshot(shards=0, in_flight=0, behind_records=0, lag_ms=0)
        self._thread = threading.Thread(target=self._run, name="event-source-mapping", daemon=True)

    # ------------------------------------------------------------------------ from outside

    def start(self) -> Self:
        self._lister.start()
        self._thread.start()
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(drain=False)

    @property
    def stats(self) -> Stats:
        """As of the last thing that happened."""
        return self._snapshot

    @property
    def checkpoints(self) -> dict[str, str]:
        """Where a successor goes on; exact once this one is stopped."""
        return self._machine.checkpoints

    def update(self, settings: MappingSettings) -> None:
        """Change the settings in place, as UpdateEventSourceMapping does."""
        self._inbox.put(SettingsUpdated(settings))

    def wait_drained(self, timeout: float) -> None:
        """Wait until all that is on the stream now was read and every batch is finished; raises
        `NotDrained` after `timeout` seconds.
        """
        waiter = Waiter(since=time.monotonic())
        self._inbox.put(waiter)
        is_drained = waiter.released.wait(timeout)
        if self._crash is not None:
            raise RunnerCrashed(str(self._crash)) from self._crash
        if not is_drained:
            raise NotDrained(f"not drained after {timeout} s: {self.stats}")

    def stop(self, *, drain: bool = True, timeout: float = 60.0) -> None:
        """Invoke nothing more and end; with `drain`, batches that run may finish before."""
        if self._thread.is_alive():
            self._inbox.put(_Stop(drain=drain))
            self._thread.join(timeout)

    # ------------------------------------------------------------------------ the runner's thread

    def _run(self) -> None:
        try:
            while self._stopping is None or (self._stopping.drain and self._in_flight):
                self._take(self._next())
                self._look_around()
        except Exception as error:  # noqa: BLE001 - told to whoever waits, or nobody would know
            self._crash = error
        finally:
            self._end()

    def _end(self) -> None:
        self._lister.stop()
        for poller in self._pollers.values():
            poller.stop()
        for poller in self._pollers.values():
            poller.join()
        if self._crash is not None:
            while not self._inbox.empty():
                if isinstance(message := self._inbox.get(), Waiter):
                    self._waiters.append(message)
            for waiter in self._waiters:
                waiter.released.set()

    def _next(self) -> object:
        if self._wake_at is None:
            return self._inbox.get()
        left = (self._wake_at - _now()) / 1000
        try:
            if left > 0:
                return self._inbox.get(timeout=left)
        except queue.Empty:
            pass
        self._wake_at = None  # a wake-up call comes first, however full the inbox is
        return Tick()

    def _take(self, message: object) -> None:
        match message:
            case Listing():
                self._tip.listed(message.asked_at)
                self._handle(ShardsListed(message.shards))
            case ReadDone():
                self._tip.read(message, time.monotonic())
                self._handle(message.fact)
            case InvocationEnded():
                self._in_flight -= 1
                self._handle(message)
            case SettingsUpdated() | Tick():
                self._handle(message)
            case Waiter():
                self._waiters.append(message)
                self._hurry()
            case _Stop():
                self._stopping = message
            case ThreadCrashed():
                raise message.error

    def _handle(self, event: Input) -> None:
        self._see(event)
        for output in self._machine.handle(event, _now()):
            self._see(output)
            if self._stopping is None:
                self._carry_out(output)
            elif isinstance(output, Discard):
                self._discard(output)

    def _carry_out(self, output: Output) -> None:
        match output:
            case Read():
                self._poller(output.shard_id).read(output)
            case Invoke():
                self._invoke(output)
            case Discard():
                self._discard(output)
            case WakeAt():
                self._wake_at = output.at

    def _invoke(self, invoke: Invoke) -> None:
        self._in_flight += 1
        invocation_id = invoke.invocation_id
        self._pool.invoke(event_of(invoke.records)).add_done_callback(
            lambda future: self._inbox.put(
                InvocationEnded(invocation_id=invocation_id, outcome=_outcome(future))
            )
        )

    def _discard(self, discard: Discard) -> None:
        try:
            self._on_failure.deliver(discard, _now())
        except OSError:
            # As in AWS (metric DestinationDeliveryFailures): the records are lost, and counted.
            self._counters.count(delivery_failures=1)

    def _poller(self, shard_id: str) -> ShardPoller:
        if shard_id not in self._pollers:
            self._pollers[shard_id] = ShardPoller(
                self._stream, shard_id, self._pace, self._inbox.put, self._read_failed
            )
        return self._pollers[shard_id]

    def _look_around(self) -> None:
        """After everything that happens: list shards if one ended, tell who waits, take stock."""
        if self._tip.wants_listing:
            self._lister.hurry()
        standing = self._machine.standing
        if not (standing.unfinished_records or standing.waiting_shards or self._in_flight):
            open_shards = self._machine.open_shards
            self._waiters = [w for w in self._waiters if not w.release(self._tip, open_shards)]
        oldest = standing.oldest_unfinished
        age = 0 if oldest is None else max(0, _now() - oldest)
        self._snapshot = self._counters.snapshot(
            shards=standing.shards,
            in_flight=self._in_flight,
            behind_records=standing.unfinished_records,
            lag_ms=max(age, self._tip.millis_behind),
        )

    def _hurry(self) -> None:
        self._lister.hurry()
        for poller in self._pollers.values():
            poller.hurry()

    def _see(self, fact: Input | Output) -> None:
        self._counters.see(fact)
        self._observe(fact)

    def _read_failed(self, _error: ReadFailed) -> None:
        self._counters.count(read_failures=1)


def _outcome(ended: "Future[InvocationResult]") -> Outcome:
    if (error := ended.exception()) is not None:
        return FunctionFailed(error_type=type(error).__name__)
    result = ended.result()
    if result.ending is Ending.ANSWERED:
        return Answered(result.answer)
    if result.ending is Ending.THROTTLED:
        return Throttled()
    timed_out = result.ending is Ending.TIMED_OUT
    return FunctionFailed(error_type=result.error_type, timed_out=timed_out)


def _now() -> int:
    return time.time_ns() // 1_000_000
