"""One shard of the mapping: what was read, what runs, what waits for its retry.

A record is in exactly one of four places: the backlog, a running batch, a batch that waits, or
finished. Order per partition key follows from two rules kept in `_start_batches`:

1. a batch does not start while a batch that stands before it holds one of its keys, whether that
   one runs or waits (so neither a retry nor a split half is overtaken, whatever the slots);
2. new records of a key leave the backlog in stream order and only when no batch holds their key.

At most `factor` batches run at once. The checkpoint is just before the lowest record that is not
finished.
"""

from collections.abc import Callable, Iterator

from local.mapping.backlog import Backlog
from local.mapping.batch import Batch
from local.mapping.facts import (
    CheckpointMoved,
    Condition,
    Discard,
    Invoke,
    Outcome,
    Output,
    Read,
    Record,
)
from local.mapping.position import After, ReadFrom
from local.mapping.progress import Progress
from local.mapping.settings import MappingSettings
from local.mapping.undocumented import BisectHalves, FailingSlot, Undocumented
from local.mapping.verdict import Clock, settle

READ_LIMIT = 10_000
"""Records one GetRecords call returns at most (Kinesis API reference, GetRecords)."""

READ_AHEAD_RECORDS = 10_000
READ_AHEAD_BYTES = 32 * 1024 * 1024
"""A shard is read on while it holds less than this, so that memory is bounded."""


class Shard:
    """The batches of one shard. Every method that can change what runs yields outputs."""

    def __init__(
        self,
        shard_id: str,
        start: ReadFrom,
        settings: MappingSettings,
        undocumented: Undocumented,
        next_id: Callable[[], int],
    ) -> None:
        self.shard_id = shard_id
        self.closed = False
        self._start = start
        self._settings = settings
        self._undocumented = undocumented
        self._next_id = next_id
        self._progress = Progress(start.sequence_number if isinstance(start, After) else None)
        self._position = start
        self._reading: int | None = None
        self._backlog = Backlog(settings, undocumented.slot_choice)
        self._running: dict[int, Batch] = {}
        self._waiting: list[Batch] = []
        self._restart_pending = False

    # ------------------------------------------------------------------------ what it holds

    @property
    def is_idle(self) -> bool:
        return not (self._running or self._waiting or self._backlog.count)

    @property
    def is_drained(self) -> bool:
        return self.closed and self.is_idle

    @property
    def running(self) -> int:
        """Batches that run now."""
        return len(self._running)

    @property
    def unfinished(self) -> int:
        """Records read and not finished."""
        return self._backlog.count + sum(len(batch.records) for batch in self._batches())

    @property
    def finished_through(self) -> str | None:
        return self._progress.finished_through

    def oldest_unfinished(self) -> int | None:
        """When the oldest unfinished record arrived, in milliseconds since 1970."""
        arrivals = [batch.records[0].arrived_ms for batch in self._batches()]
        if (waiting := self._backlog.oldest_arrival()) is not None:
            arrivals.append(waiting)
        return min(arrivals, default=None)

    def due_at(self, now: int) -> int | None:
        """When time alone lets something start."""
        times = [batch.not_before for batch in self._waiting if batch.not_before > now]
        if (closing := self._backlog.due_at(now)) is not None:
            times.append(closing)
        return min(times, default=None)

    # ------------------------------------------------------------------------ what happens to it

    def take(self, read_id: int, records: tuple[Record, ...], now: int, *, closed: bool) -> bool:
        """Records that were asked for; False if that request was given up since."""
        if read_id != self._reading:
            return False
        self._reading = None
        self.closed = closed
        if records:
            self._position = After(records[-1].sequence_text)
            self._progress.read(records)
            self._backlog.add(records, now)
        return True

    def end(self, invocation_id: int, outcome: Outcome, clock: Clock) -> Iterator[Output]:
        """An invocation of this shard ended."""
        batch = self._running.pop(invocation_id)
        settlement = settle(batch, outcome, self._settings, self._undocumented, clock)
        if settlement.give_up is not None:
            yield self._discard(settlement.give_up, Condition.RETRIES_EXHAUSTED)
        self._wait(settlement.retry)

    def update(self, settings: MappingSettings) -> None:
        self._settings = settings
        self._backlog.rearrange(settings)
        factor = settings.parallelization_factor
        self._waiting = [batch.evolve(slot=batch.slot % factor) for batch in self._waiting]

    def restart(self, *, drop_running: bool) -> None:
        """Read again from the checkpoint. Batches that run are given up, or finish first."""
        if drop_running:
            self._running.clear()
            self._read_again()  # before the checkpoint could move past what was given up
        else:
            self._restart_pending = True

    def holds(self, invocation_id: int) -> bool:
        return invocation_id in self._running

    # ------------------------------------------------------------------------ what it does next

    def proceed(self, now: int) -> Iterator[Output]:
        """Start what can start, move the checkpoint, read on."""
        if self._restart_pending and not self._running:
            yield from self._move_checkpoint()
            self._read_again()
        if self._settings.enabled and not self._restart_pending:
            yield from self._start_batches(now)
        yield from self._move_checkpoint()
        if self._settings.enabled and not self._restart_pending:
            yield from self._read_on()

    def _start_batches(self, now: int) -> Iterator[Output]:
        yield from self._give_up_old(now)
        busy = {batch.slot for batch in self._running.values()}
        held = {key for batch in self._running.values() for key in batch.keys}
        for batch in tuple(self._waiting):
            slot = self._slot_for(batch, busy)
            if slot is not None and batch.not_before <= now and held.isdisjoint(batch.keys):
                self._waiting.remove(batch)
                busy.add(slot)
                yield self._run(batch.evolve(slot=slot))
            busy.add(batch.slot)
            held |= batch.keys
        if not self._is_blocked():
            yield from self._start_new_batches(busy, held, now)

    def _start_new_batches(self, busy: set[int], held: set[str], now: int) -> Iterator[Output]:
        for slot in range(self._settings.parallelization_factor):
            while slot not in busy and self._has_room():
                records = self._backlog.take(slot, held, now)
                if not records:
                    break
                batch, discard = self._without_old(Batch.of(records, slot), now)
                if discard is not None:
                    yield discard
                if batch is not None:
                    busy.add(slot)
                    held |= batch.keys
                    yield self._run(batch)

    def _slot_for(self, batch: Batch, busy: set[int]) -> int | None:
        if not self._has_room():
            return None
        if batch.slot not in busy:
            return batch.slot
        if self._undocumented.bisect_halves is BisectHalves.ONE_AFTER_THE_OTHER:
            return None
        free = set(range(self._settings.parallelization_factor)) - busy
        return min(free, default=None)

    def _has_room(self) -> bool:
        return len(self._running) < self._settings.parallelization_factor

    def _is_blocked(self) -> bool:
        blocks = self._undocumented.failing_slot is FailingSlot.BLOCKS_SHARD
        return blocks and any(batch.has_failed for batch in self._batches())

    def _run(self, batch: Batch) -> Invoke:
        invocation_id = self._next_id()
        self._running[invocation_id] = batch
        return Invoke(
            invocation_id=invocation_id,
            shard_id=self.shard_id,
            slot=batch.slot,
            records=batch.records,
            attempt=batch.attempts + 1,
        )

    def _give_up_old(self, now: int) -> Iterator[Output]:
        checked = [self._without_old(batch, now) for batch in self._waiting]
        self._waiting = [batch for batch, _ in checked if batch is not None]
        yield from (discard for _, discard in checked if discard is not None)

    def _without_old(self, batch: Batch, now: int) -> tuple[Batch | None, Discard | None]:
        """The batch without the records that are too old, and those; None for nothing."""
        too_old = self._settings.is_too_old
        old = tuple(r for r in batch.records if too_old(r.arrived_ms, now))
        if not old:
            return batch, None
        kept = tuple(r for r in batch.records if not too_old(r.arrived_ms, now))
        discard = self._discard(batch.holding(old), Condition.TOO_OLD)
        return (batch.holding(kept) if kept else None), discard

    def _move_checkpoint(self) -> Iterator[Output]:
        if self._progress.advance(self._lowest_unfinished()):
            finished = self._progress.finished_through or ""
            yield CheckpointMoved(shard_id=self.shard_id, finished_through=finished)

    def _read_on(self) -> Iterator[Output]:
        has_room = (
            self._backlog.count < READ_AHEAD_RECORDS and self._backlog.size < READ_AHEAD_BYTES
        )
        if self.closed or self._reading is not None or not has_room:
            return
        self._reading = self._next_id()
        yield Read(
            shard_id=self.shard_id,
            read_id=self._reading,
            position=self._position,
            limit=READ_LIMIT,
        )

    def _read_again(self) -> None:
        self._restart_pending = False
        self._reading = None
        self.closed = False
        self._waiting.clear()
        self._backlog = Backlog(self._settings, self._undocumented.slot_choice)
        self._progress.forget_unfinished()
        finished = self._progress.finished_through
        self._position = self._start if finished is None else After(finished)

    def _wait(self, batches: tuple[Batch, ...]) -> None:
        factor = self._settings.parallelization_factor
        here = (batch.evolve(slot=batch.slot % factor) for batch in batches)
        self._waiting = sorted((*self._waiting, *here), key=lambda batch: batch.first)

    def _batches(self) -> Iterator[Batch]:
        yield from self._running.values()
        yield from self._waiting

    def _lowest_unfinished(self) -> int | None:
        firsts = [batch.first for batch in self._batches()]
        if (waiting := self._backlog.first()) is not None:
            firsts.append(waiting)
        return min(firsts, default=None)

    def _discard(self, batch: Batch, condition: Condition) -> Discard:
        return Discard(
            shard_id=self.shard_id,
            records=batch.records,
            condition=condition,
            attempts=batch.attempts,
            last_outcome=batch.last_outcome,
        )
