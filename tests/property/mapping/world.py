"""A stream, a function and a history, imagined: what the mapping is driven with and held to.

The checks know nothing of the mapping's inside: they see what it asks for and what was put.
"""

import zlib
from collections import deque
from dataclasses import dataclass, field

from local.mapping.facts import (
    Answered,
    CheckpointMoved,
    Discard,
    FunctionFailed,
    Input,
    InvocationEnded,
    Invoke,
    ListedShard,
    Outcome,
    Output,
    Read,
    Record,
    RecordsRead,
    SettingsUpdated,
    ShardDrained,
    ShardsListed,
    Throttled,
    Tick,
    WakeAt,
)
from local.mapping.machine import EventSourceMapping
from local.mapping.position import After
from local.mapping.settings import MappingSettings
from local.mapping.undocumented import MergedChild, Undocumented, UpdateDuringBatch

SPACE = 1 << 32


@dataclass
class ImaginedShard:
    shard_id: str
    low: int
    high: int
    parents: tuple[str, ...] = ()
    records: list[Record] = field(default_factory=list)
    closed: bool = False


class World:
    """Puts, reads and invocations by hand; every output of the mapping is checked as it comes."""

    def __init__(self, settings: MappingSettings, undocumented: Undocumented) -> None:
        self.settings = settings
        self.undocumented = undocumented
        self.now = 1_000_000
        self.shards: dict[str, ImaginedShard] = {}
        self.reads: list[Read] = []
        self.running: dict[int, Invoke] = {}
        self.zombies: dict[int, Invoke] = {}
        self.wake_at: int | None = None
        self.put_numbers: set[int] = set()
        self.open_order: dict[str, deque[int]] = {}
        self.finished: set[int] = set()
        self.discarded: set[int] = set()
        self.discards: list[Discard] = []
        self.merged = False
        self._sequence = 0
        self.add_shard(0, SPACE, ())
        self.mapping = EventSourceMapping(settings, undocumented=undocumented)

    # ------------------------------------------------------------------------ the stream

    def add_shard(self, low: int, high: int, parents: tuple[str, ...]) -> None:
        shard_id = f"shardId-{len(self.shards):012d}"
        self.shards[shard_id] = ImaginedShard(shard_id, low, high, parents)

    def put(self, key: str, size: int = 100) -> None:
        self._sequence += 1
        record = Record(
            sequence_number=self._sequence,
            sequence_text=str(self._sequence),
            partition_key=key,
            arrived_ms=self.now,
            size=size,
        )
        place = zlib.crc32(b"shard" + key.encode())
        shard = next(s for s in self.open_shards() if s.low <= place < s.high)
        shard.records.append(record)
        self.put_numbers.add(self._sequence)
        self.open_order.setdefault(key, deque()).append(self._sequence)

    def open_shards(self) -> list[ImaginedShard]:
        return [shard for shard in self.shards.values() if not shard.closed]

    def split(self, shard: ImaginedShard) -> None:
        middle = (shard.low + shard.high) // 2
        shard.closed = True
        self.add_shard(shard.low, middle, (shard.shard_id,))
        self.add_shard(middle, shard.high, (shard.shard_id,))

    def merge(self, left: ImaginedShard, right: ImaginedShard) -> None:
        left.closed = right.closed = True
        self.merged = True
        self.add_shard(left.low, right.high, (left.shard_id, right.shard_id))

    def listing(self) -> ShardsListed:
        return ShardsListed(
            tuple(
                ListedShard(shard_id=shard.shard_id, parents=shard.parents)
                for shard in self.shards.values()
            )
        )

    # ------------------------------------------------------------------------ driving

    def handle(self, event: Input) -> None:
        for output in self.mapping.handle(event, self.now):
            self._obey(output)
        self.check_running()

    def answer_read(self, read: Read, most: int = 10_000) -> None:
        self.reads.remove(read)
        shard = self.shards[read.shard_id]
        after = int(read.position.sequence_number) if isinstance(read.position, After) else 0
        left = [record for record in shard.records if record.sequence_number > after]
        records = tuple(left[: min(most, read.limit)])
        closed = shard.closed and len(records) == len(left)
        self.handle(
            RecordsRead(
                shard_id=read.shard_id, read_id=read.read_id, records=records, closed=closed
            )
        )

    def end(self, invocation_id: int, outcome: Outcome, done: int | None = None) -> None:
        """`done`: how many of the batch's records the function finished before it said so."""
        ran = self.running.pop(invocation_id, None) or self.zombies.pop(invocation_id)
        count = len(ran.records) if done is None else done
        self.check_order(ran, ran.records[:count])
        self.finished.update(record.sequence_number for record in ran.records[:count])
        self.handle(InvocationEnded(invocation_id=invocation_id, outcome=outcome))

    def succeed(self, invocation_id: int) -> None:
        self.end(invocation_id, Answered(None))

    def partly(self, invocation_id: int, done: int) -> None:
        ran = self.running.get(invocation_id) or self.zombies[invocation_id]
        identifier = ran.records[done].sequence_text
        answer = {"batchItemFailures": [{"itemIdentifier": identifier}]}
        self.end(invocation_id, Answered(answer), done)

    def fail(self, invocation_id: int, *, timed_out: bool = False) -> None:
        self.end(invocation_id, FunctionFailed(timed_out=timed_out), 0)

    def throttle(self, invocation_id: int) -> None:
        self.end(invocation_id, Throttled(), 0)

    def update(self, settings: MappingSettings) -> None:
        starts_again = self.undocumented.update_during_batch is UpdateDuringBatch.STARTS_AGAIN
        if starts_again and settings.enabled:
            self.zombies |= self.running
            self.running = {}
        self.settings = settings
        self.handle(SettingsUpdated(settings))

    def restart(self) -> None:
        """The mapping's process dies; another takes over its checkpoints."""
        checkpoints = self.mapping.checkpoints
        self.zombies, self.running, self.reads = {}, {}, []
        self.wake_at = None
        self.mapping = EventSourceMapping(
            self.settings, undocumented=self.undocumented, checkpoints=checkpoints
        )
        self.handle(self.listing())

    def tick(self, milliseconds: int) -> None:
        self.now += milliseconds
        self.handle(Tick())

    def heal(self) -> None:
        """From here on everything succeeds, until nothing is left to do."""
        self.handle(self.listing())
        for _ in range(10_000):
            for read in tuple(self.reads):
                self.answer_read(read)
            for invocation_id in tuple(self.running):
                self.succeed(invocation_id)
            self.handle(self.listing())
            if self._is_quiet():
                return
            if not self.running and self.wake_at is not None:
                self.tick(max(1, self.wake_at - self.now))
        raise AssertionError("the mapping does not come to rest")

    def _is_quiet(self) -> bool:
        return not self.running and self.mapping.standing.unfinished_records == 0 and not self.left

    @property
    def left(self) -> set[int]:
        return self.put_numbers - self.finished - self.discarded

    # ------------------------------------------------------------------------ the checks

    def _obey(self, output: Output) -> None:
        match output:
            case Read():
                self.reads.append(output)
            case Invoke():
                self.check_invoke(output)
                self.running[output.invocation_id] = output
            case Discard():
                self.discards.append(output)
                self.discarded.update(record.sequence_number for record in output.records)
            case CheckpointMoved():
                self.check_checkpoint(output)
            case WakeAt():
                assert output.at > self.now, "a wake-up call for the past"
                self.wake_at = output.at
            case ShardDrained():
                records = self.shards[output.shard_id].records
                assert self.unfinished_before(records) == [], "drained with records left"

    def unfinished_before(self, records: list[Record]) -> list[int]:
        done = self.finished | self.discarded
        return [r.sequence_number for r in records if r.sequence_number not in done]

    def check_invoke(self, invoke: Invoke) -> None:
        assert self.settings.enabled, "invoked while disabled"
        numbers = [record.sequence_number for record in invoke.records]
        assert numbers == sorted(set(numbers)), "a batch out of stream order"
        self.check_order(invoke, invoke.records)
        if self.undocumented.merged_child is MergedChild.AFTER_BOTH:
            for parent in self.shards[invoke.shard_id].parents:
                assert self.unfinished_before(self.shards[parent].records) == [], "child too early"

    def check_order(self, invoke: Invoke, records: tuple[Record, ...]) -> None:
        """Order per key: what was put before under this key is done, or stands before it here."""
        if self.merged and self.undocumented.merged_child is MergedChild.AFTER_ONE:
            return  # such a mapping does not keep the order of keys over a merge
        here = {record.sequence_number for record in invoke.records}
        for key, last in {r.partition_key: r.sequence_number for r in records}.items():
            self.forget_done(key)
            for earlier in self.open_order[key]:
                if earlier >= last:
                    break
                done = earlier in self.finished or earlier in self.discarded
                assert done or earlier in here, "overtaken"

    def forget_done(self, key: str) -> None:
        waiting = self.open_order[key]
        while waiting and (waiting[0] in self.finished or waiting[0] in self.discarded):
            waiting.popleft()

    def check_running(self) -> None:
        """Never two running batches with one partition key, never more than `factor` a shard."""
        keys: set[str] = set()
        for invoke in self.running.values():
            mine = {record.partition_key for record in invoke.records}
            merged = self.merged and self.undocumented.merged_child is MergedChild.AFTER_ONE
            assert merged or keys.isdisjoint(mine), "one key in two running batches"
            keys |= mine

    def check_checkpoint(self, moved: CheckpointMoved) -> None:
        through = int(moved.finished_through)
        before = [r for r in self.shards[moved.shard_id].records if r.sequence_number <= through]
        assert self.unfinished_before(before) == [], "the checkpoint passed an unfinished record"
