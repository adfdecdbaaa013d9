"""What goes into the event source mapping and what comes out of it: frozen values, no behaviour.

Inputs are what the world reports, outputs are what the mapping wants done. Times are milliseconds
since 1970, passed with every input: the mapping has no clock. `read_id` and `invocation_id` name
one request each; an answer to a request that the mapping has since given up is ignored.
"""

from enum import Enum
from typing import Any

import msgspec

from local.mapping.position import ReadFrom
from local.mapping.settings import MappingSettings


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One Kinesis record. `body` is the record as it stands in the Lambda event and `size` its
    bytes there; the mapping weighs the one and hands on the other without looking inside.
    """

    sequence_number: int
    sequence_text: str
    partition_key: str
    arrived_ms: int
    size: int
    body: bytes = b""


# ---------------------------------------------------------------------------- inputs


class ListedShard(msgspec.Struct, frozen=True, kw_only=True):
    """One shard of ListShards; one parent after a split, two after a merge, none at first."""

    shard_id: str
    parents: tuple[str, ...] = ()


class ShardsListed(msgspec.Struct, frozen=True, tag=True):
    """All shards that the stream has now. A parent that is not among them has expired."""

    shards: tuple[ListedShard, ...]


class RecordsRead(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to a `Read`. `closed`: the shard was split or merged and this was its end."""

    shard_id: str
    read_id: int
    records: tuple[Record, ...] = ()
    closed: bool = False


class Answered(msgspec.Struct, frozen=True, tag=True):
    """The function returned: `answer` is its JSON value, None when it returned nothing."""

    answer: Any = None


class FunctionFailed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The function raised, crashed or ran out of time."""

    error_type: str = "Unhandled"
    timed_out: bool = False


class Throttled(msgspec.Struct, frozen=True, tag=True):
    """The function was not invoked: no concurrency was left."""


Outcome = Answered | FunctionFailed | Throttled


class InvocationEnded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What became of an `Invoke`."""

    invocation_id: int
    outcome: Outcome


class Tick(msgspec.Struct, frozen=True, tag=True):
    """Time has passed: the time a `WakeAt` asked for has come."""


class SettingsUpdated(msgspec.Struct, frozen=True, tag=True):
    """UpdateEventSourceMapping; enabling and disabling are updates of `enabled`."""

    settings: MappingSettings


Input = ShardsListed | RecordsRead | InvocationEnded | Tick | SettingsUpdated

# ---------------------------------------------------------------------------- outputs


class Read(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Read up to `limit` records of this shard and report them as `RecordsRead`."""

    shard_id: str
    read_id: int
    position: ReadFrom
    limit: int


class Invoke(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Invoke the function with these records, the `attempt`-th time for this batch."""

    invocation_id: int
    shard_id: str
    slot: int
    records: tuple[Record, ...]
    attempt: int


class Condition(Enum):
    """Why records were given up, in the words of the invocation record (Lambda Developer Guide,
    "Retain discarded batch records"; the second word is not shown there and is unconfirmed).
    """

    RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
    TOO_OLD = "RecordAgeExceeded"


class Discard(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """These records are given up: send them to the on-failure destination."""

    shard_id: str
    records: tuple[Record, ...]
    condition: Condition
    attempts: int
    last_outcome: Outcome | None


class CheckpointMoved(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Every record of the shard up to this one is finished; a restart reads after it."""

    shard_id: str
    finished_through: str


class ShardDrained(msgspec.Struct, frozen=True, tag=True):
    """The shard is closed and every record of it is finished: its children may start."""

    shard_id: str


class WakeAt(msgspec.Struct, frozen=True, tag=True):
    """Send a `Tick` at this time, unless an earlier or later `WakeAt` has replaced it."""

    at: int


Output = Read | Invoke | Discard | CheckpointMoved | ShardDrained | WakeAt
