"""Runs the real event source mapping over the imagined stream and function.

What the mapping asks for is done after a while; what it is told may be about a life that is over.
"""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from local.mapping.facts import (
    CheckpointMoved,
    Discard,
    Input,
    InvocationEnded,
    Invoke,
    ListedShard,
    Outcome,
    Read,
    Record,
    RecordsRead,
    SettingsUpdated,
    ShardsListed,
    Tick,
    WakeAt,
)
from local.mapping.machine import EventSourceMapping
from local.mapping.position import After
from local.mapping.settings import UNLIMITED, MappingSettings
from local.mapping.undocumented import Undocumented
from tests.simulation.bucket import ImaginedBucket
from tests.simulation.dice import Dice
from tests.simulation.function import Function, Log
from tests.simulation.loop import Loop
from tests.simulation.stream.shards import ImaginedStream, Shard, Stored


class Deliveries:
    """One mapping at a time, from the stream to the function."""

    def __init__(
        self,
        *,
        loop: Loop,
        dice: Dice,
        stream: ImaginedStream,
        function: Function,
        settings: MappingSettings,
        undocumented: Undocumented,
        bucket: ImaginedBucket,
        strikes: Callable[[str], bool],
        checker: Any,
        log: Log,
    ) -> None:
        self.settings = settings
        self._loop = loop
        self._dice = dice
        self._stream = stream
        self._function = function
        self._undocumented = undocumented
        self._bucket = bucket
        self._strikes = strikes
        self._checker = checker
        self._log = log
        self._records: dict[int, tuple[Record, dict[str, Any]]] = {}
        self._empty_reads: dict[str, tuple[int, Read]] = {}
        self._read_through: dict[str, int] = {}
        self._life = 0
        self._earlier: list[dict[str, str]] = [{}]
        self._wake_at = -1
        self.begin({})

    # ------------------------------------------------------------------------ its lives

    def begin(self, checkpoints: dict[str, str]) -> None:
        """A mapping begins where the one before left off, or wherever these checkpoints say."""
        self._life += 1
        self._empty_reads.clear()
        self._wake_at = -1
        self._mapping = EventSourceMapping(
            self.settings,
            undocumented=self._undocumented,
            checkpoints=checkpoints,
            random=self._dice.random,
        )
        self.list_shards()

    def restart(self, chance: float | None = None) -> None:
        """From its checkpoints, or from earlier ones."""
        self._log("mapping restarts")
        now = self._mapping.checkpoints
        known = [*self._earlier, now]
        self.begin(now if chance is None else known[int(chance * len(known))])

    def recreate(self) -> None:
        """Delete it and create it again, at TRIM_HORIZON."""
        self._log("mapping is created again")
        self.begin({})

    def update(self, settings: MappingSettings) -> None:
        self._log("mapping updated", settings.batch_size, settings.enabled)
        self.settings = settings
        self.handle(SettingsUpdated(settings))

    def list_shards(self) -> None:
        shards = self._stream.shards.values()
        self.handle(
            ShardsListed(tuple(ListedShard(shard_id=s.shard_id, parents=s.parents) for s in shards))
        )

    @property
    def quiet(self) -> bool:
        standing = self._mapping.standing
        read = len(self._empty_reads) == len(self._mapping.open_shards)
        return standing.unfinished_records == 0 and standing.waiting_shards == 0 and read

    # ------------------------------------------------------------------------ its wishes

    def handle(self, event: Input) -> None:
        for output in self._mapping.handle(event, self._loop.now):
            match output:
                case Read():
                    self._read_later(output)
                case Invoke():
                    self._invoke(output)
                case CheckpointMoved():
                    self._earlier.append(self._mapping.checkpoints)
                    self._log("checkpoint", output.shard_id[-2:], output.finished_through)
                    self._checker.finished(output.shard_id, int(output.finished_through))
                case WakeAt():
                    self._wake(output.at)
                case Discard():
                    self._give_up(output)

    def _give_up(self, discard: Discard) -> None:
        """To the on-failure bucket, which tells redrive of it."""
        if self.settings.maximum_retry_attempts == UNLIMITED:
            self._checker.failed(f"P1: the mapping discards {len(discard.records)} records")
        numbers = [record.sequence_number for record in discard.records]
        event = {"Records": [self._records[number][1] for number in numbers]}
        key = self._bucket.deliver(discard, event, self._loop.now)
        self._log("given up", discard.shard_id[-2:], *numbers)
        self._checker.given_up(discard.shard_id, numbers)
        self._loop.after(
            self._dice.between(100, 20_000), lambda: self._function.feed(self._bucket, [key])
        )

    def landed(self, shard: Shard, stored: Stored) -> None:
        """A record is on the stream: whoever waits for one gets it."""
        waits = self._empty_reads.pop(shard.shard_id, None)
        if waits is not None and waits[0] == self._life:
            self._read_later(waits[1])

    def closed(self, shard: Shard) -> None:
        waits = self._empty_reads.pop(shard.shard_id, None)
        if waits is not None and waits[0] == self._life:
            self._read_later(waits[1])
        life = self._life
        delay = self._dice.between(0, 10_000)
        self._loop.after(delay, lambda: self.list_shards() if life == self._life else None)

    def _read_later(self, read: Read) -> None:
        life = self._life
        self._loop.after(
            self._dice.between(1, 300), lambda: self._read(read) if life == self._life else None
        )

    def unread(self, shard: Shard) -> list[Stored]:
        """The records that no reading of this shard has met."""
        after = self._read_through.get(shard.shard_id, -1)
        return [stored for stored in shard.records if stored.sequence_number > after]

    def _read(self, read: Read) -> None:
        shard = self._stream.shards[read.shard_id]
        position = read.position
        after = int(position.sequence_number) if isinstance(position, After) else -1
        left = [stored for stored in shard.records if stored.sequence_number > after]
        if not left and not shard.closed:
            _, waits = self._empty_reads.get(shard.shard_id, (0, read))
            if waits.read_id <= read.read_id:  # an older one was given up meanwhile
                self._empty_reads[shard.shard_id] = self._life, read
            return
        taken = left[: min(read.limit, self._dice.pick((1, 3, 10_000)))]
        if taken:
            through = self._read_through.get(shard.shard_id, -1)
            self._read_through[shard.shard_id] = max(through, taken[-1].sequence_number)
        self.handle(
            RecordsRead(
                shard_id=read.shard_id,
                read_id=read.read_id,
                records=tuple(self._record(shard, stored) for stored in taken),
                closed=shard.closed and len(taken) == len(left),
            )
        )

    def _record(self, shard: Shard, stored: Stored) -> Record:
        known = self._records.get(stored.sequence_number)
        if known is None:
            number = str(stored.sequence_number)
            body = {
                "eventID": f"{shard.shard_id}:{number}",
                "kinesis": {
                    "sequenceNumber": number,
                    "partitionKey": stored.partition_key,
                    "data": b64encode(stored.data).decode(),
                },
            }
            record = Record(
                sequence_number=stored.sequence_number,
                sequence_text=number,
                partition_key=stored.partition_key,
                arrived_ms=stored.arrived,
                size=len(stored.data) + 400,
            )
            known = self._records[stored.sequence_number] = record, body
        return known[0]

    def _invoke(self, invoke: Invoke) -> None:
        event = {"Records": [self._records[r.sequence_number][1] for r in invoke.records]}
        life = self._life

        def answer(outcome: Outcome) -> None:
            if life == self._life:
                ended = InvocationEnded(invocation_id=invoke.invocation_id, outcome=outcome)
                self._loop.after(1, lambda: self.handle(ended) if life == self._life else None)

        self._loop.after(
            self._dice.between(1, 20),
            lambda: self._function.invoke(event, invoke.shard_id, answer),
        )
        if self._strikes("twin"):
            self._log("twin", invoke.shard_id[-2:])
            self._loop.after(
                self._dice.between(0, 200),
                lambda: self._function.invoke(event, invoke.shard_id, lambda _: None),
            )

    def _wake(self, at: int) -> None:
        self._wake_at = at
        life = self._life

        def tick() -> None:
            if life == self._life and self._wake_at == at:
                self._wake_at = -1
                self.handle(Tick())

        self._loop.at(at, tick)
