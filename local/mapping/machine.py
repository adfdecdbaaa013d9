"""The event source mapping as a pure state machine: facts in, wishes out.

`handle(input, now)` takes what happened (shards listed, records read, an invocation ended, time
passed, settings changed) and returns what is to be done (read, invoke, discard, wake me). It reads
no clock, starts no thread and draws no random number but the injected ones, so the same inputs give
the same outputs: the runner drives it with a real stream, a simulation with an imagined one.

Delivery is at least once: a request that is never answered (a lost invocation) stays running until
the caller reports its end, and after a restart from the checkpoints whatever was finished beyond
them is delivered again.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import count

import msgspec

from local.mapping.facts import (
    Input,
    InvocationEnded,
    Invoke,
    Output,
    RecordsRead,
    SettingsUpdated,
    ShardDrained,
    ShardsListed,
    WakeAt,
)
from local.mapping.lineage import Lineage
from local.mapping.position import After, ReadFrom, TrimHorizon
from local.mapping.settings import MappingSettings
from local.mapping.shard import Shard
from local.mapping.undocumented import Undocumented, UpdateDuringBatch
from local.mapping.verdict import Clock


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How far the mapping is. `oldest_unfinished` in milliseconds since 1970, None for nothing."""

    shards: int
    waiting_shards: int
    running_batches: int
    unfinished_records: int
    oldest_unfinished: int | None


class EventSourceMapping:
    """One mapping from a stream to a function; `checkpoints` are those of an earlier life."""

    def __init__(
        self,
        settings: MappingSettings,
        *,
        undocumented: Undocumented | None = None,
        checkpoints: Mapping[str, str] | None = None,
        random: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.settings = settings
        self._undocumented = undocumented or Undocumented()
        self._earlier = dict(checkpoints or {})
        self._random = random
        self._lineage = Lineage(self._undocumented.merged_child)
        self._shards: dict[str, Shard] = {}
        self._shard_of: dict[int, str] = {}
        self._ids = count(1)
        self._start: ReadFrom = settings.starting_position
        self._wake_at: int | None = None

    @property
    def checkpoints(self) -> dict[str, str]:
        """Per shard the last record up to which everything is finished; pass it to a successor."""
        now = {shard_id: shard.finished_through for shard_id, shard in self._shards.items()}
        return self._earlier | {shard_id: at for shard_id, at in now.items() if at is not None}

    @property
    def standing(self) -> Standing:
        shards = self._shards.values()
        oldest = (at for shard in shards if (at := shard.oldest_unfinished()) is not None)
        return Standing(
            shards=len(self._shards),
            waiting_shards=len(self._lineage.waiting),
            running_batches=sum(shard.running for shard in shards),
            unfinished_records=sum(shard.unfinished for shard in shards),
            oldest_unfinished=min(oldest, default=None),
        )

    @property
    def open_shards(self) -> frozenset[str]:
        """Shards that are read and not drained."""
        return frozenset(self._shards) - self._lineage.all_drained

    def handle(self, event: Input, now: int) -> list[Output]:
        """What is to be done because of this, at `now` milliseconds since 1970."""
        clock = Clock(now=now, random=self._random())
        outputs = list(self._take(event, clock))
        outputs.extend(self._drain_and_start(clock))
        outputs.extend(self._wake(now))
        return outputs

    def _take(self, event: Input, clock: Clock) -> Iterator[Output]:
        match event:
            case RecordsRead():
                yield from self._records_read(event, clock)
            case InvocationEnded():
                yield from self._invocation_ended(event, clock)
            case SettingsUpdated():
                yield from self._updated(event.settings, clock)
            case ShardsListed():
                self._lineage.see(event.shards)
                yield from self._start_shards(clock)
                self._start = TrimHorizon()  # what a later listing adds is new: nothing is skipped
            case _:
                self._wake_at = None  # this was that call, or one come too early: say it again
                for shard in self._shards.values():
                    yield from self._proceed(shard, clock)

    def _records_read(self, event: RecordsRead, clock: Clock) -> Iterator[Output]:
        shard = self._shards[event.shard_id]
        if shard.take(event.read_id, event.records, clock.now, closed=event.closed):
            yield from self._proceed(shard, clock)

    def _invocation_ended(self, event: InvocationEnded, clock: Clock) -> Iterator[Output]:
        shard_id = self._shard_of.pop(event.invocation_id, None)
        if shard_id is None or not (shard := self._shards[shard_id]).holds(event.invocation_id):
            return
        yield from shard.end(event.invocation_id, event.outcome, clock)
        yield from self._proceed(shard, clock)

    def _updated(self, settings: MappingSettings, clock: Clock) -> Iterator[Output]:
        starts_again = self._undocumented.update_during_batch is UpdateDuringBatch.STARTS_AGAIN
        enabled_now = settings.enabled and not self.settings.enabled
        self.settings = settings
        for shard_id in sorted(self.open_shards):
            shard = self._shards[shard_id]
            shard.update(settings)
            if settings.enabled and (starts_again or enabled_now):
                shard.restart(drop_running=starts_again)
            yield from self._proceed(shard, clock)

    def _drain_and_start(self, clock: Clock) -> Iterator[Output]:
        """A drained shard lets its children start; a child that is empty may be drained at once."""
        while newly := [s for s in sorted(self.open_shards) if self._shards[s].is_drained]:
            for shard_id in newly:
                self._lineage.drained(shard_id)
                yield ShardDrained(shard_id)
            yield from self._start_shards(clock)

    def _start_shards(self, clock: Clock) -> Iterator[Output]:
        for shard_id in self._lineage.start():
            checkpoint = self._earlier.get(shard_id)
            start = self._start if checkpoint is None else After(checkpoint)
            shard = Shard(shard_id, start, self.settings, self._undocumented, self._next_id)
            self._shards[shard_id] = shard
            yield from self._proceed(shard, clock)

    def _proceed(self, shard: Shard, clock: Clock) -> Iterator[Output]:
        for output in shard.proceed(clock.now):
            if isinstance(output, Invoke):
                self._shard_of[output.invocation_id] = shard.shard_id
            yield output

    def _wake(self, now: int) -> Iterator[Output]:
        due = (at for shard in self._shards.values() if (at := shard.due_at(now)) is not None)
        at = min(due, default=None)
        if at is not None and at != self._wake_at:
            yield WakeAt(at)
        self._wake_at = at

    def _next_id(self) -> int:
        return next(self._ids)
