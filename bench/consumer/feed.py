"""A workload as Lambda hands it over, batch by batch."""

import json
import time
from datetime import UTC, datetime
from typing import Any

from bench.workload import Sent, Workload
from local.mapping.lambda_event import StreamIdentity, event_of, event_record

_STREAM = StreamIdentity("arn:aws:kinesis:eu-west-1:000000000000:stream/orders")
_SHARD = "shardId-000000000000"
_FIRST = 49590338271490256608559692538361571095921575989136588898
"""A sequence number as Kinesis makes them: 56 digits, all of which are stored."""


class Feed:
    """The Lambda events of a workload, `batch` records each, at rising sequence numbers."""

    def __init__(self, workload: Workload, batch: int) -> None:
        self._batches = workload.batches(batch)
        self._next = _FIRST

    def batch(self) -> dict[str, Any]:
        """The next event, parsed as Lambda's runtime has parsed it."""
        records = [self._record(sent) for sent in next(self._batches)]
        event: dict[str, Any] = json.loads(event_of(records))
        return event

    def _record(self, sent: Sent) -> Any:
        self._next += 17
        record = {
            "SequenceNumber": str(self._next),
            "PartitionKey": sent.order_id,
            "Data": sent.data,
            "ApproximateArrivalTimestamp": datetime.now(UTC),
        }
        return event_record(_STREAM, _SHARD, record)


class Context:
    """What the handlers ask of Lambda: how long they have left."""

    function_name = "consumer"

    def __init__(self, seconds: float = 300.0) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(1_000 * (self._end - time.monotonic()))
