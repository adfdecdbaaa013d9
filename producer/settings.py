"""Everything about a producer that can be tuned: one frozen value, checked when it is made."""

from typing import Literal

import msgspec

from contract.keys import BucketKeys
from contract.kpl import MAX_RECORD_BYTES
from producer.errors import InvalidSetting

MAX_REQUEST_RECORDS = 500
MAX_REQUEST_BYTES = 10 * 1024 * 1024
""""Each PutRecords request can support up to 500 records […] up to a limit of 10 MiB for the entire
request, including partition keys" (Kinesis API reference, PutRecords)."""

_BUCKETS_GATHER = 1.0


class ProducerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a producer waits, packs and retries. Times are seconds, sizes bytes.

    Raises `InvalidSetting` naming the field.
    """

    delivery_timeout: float = 30.0
    """From `send` to the last attempt. An event that has no receipt by then pauses its order."""
    linger: float = 0.005
    """How long a first event waits for company, so that requests are not sent half empty."""
    record_linger: float | None = None
    """How long a key's first event waits for company in its record. None is 1 s in `bucket` mode,
    where that is what saves, and 0 in `order` mode, where a hot order's records fill up by
    themselves. A full record (25 KB), a full buffer and `flush` end the wait."""
    on_full: Literal["block", "raise"] = "block"
    """What `send` does when the buffer is full: wait, or raise `BufferFull` at once."""
    block_timeout: float = 60.0
    """How long a blocked `send` waits before it raises `BufferFull` all the same."""
    max_buffered_events: int = 50_000
    """Events without a result, those that paused orders owe, and paused orders, all together."""
    max_buffered_bytes: int = 64 * 1024 * 1024
    """Payload bytes of those events."""
    max_record_bytes: int = 256 * 1024
    """Up to here events of one key share a record. A shard takes 1 MB a second in all, so a record
    near 1 MiB would find room only on a shard that nobody else writes to."""
    max_request_records: int = MAX_REQUEST_RECORDS
    max_request_bytes: int = 4 * 1024 * 1024
    """Less than Kinesis allows: local endpoints stop at 5 MB, and less is answered sooner."""
    max_requests_in_flight: int = 4
    """Requests at once, which is the number of threads."""
    retry_base: float = 0.05
    retry_cap: float = 2.0
    """The first and the largest ceiling of the wait between attempts, see `producer.backoff`."""
    connect_timeout: float = 2.0
    read_timeout: float = 5.0
    """Of one attempt, for a client that the producer makes itself."""
    remembered_keys: int = 10_000
    """Keys whose last receipt is remembered, to check that the next one comes after it."""
    guards: bool = True
    """Whether to ask at the start if this stream may be written to; see `producer.guards`."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            least = 0 if name in ("linger", "record_linger") else 1e-6
            if isinstance(value, int | float) and not isinstance(value, bool) and value < least:
                raise InvalidSetting(f"{name}: is {value}, has to be greater than zero")
        self._within("max_request_records", 1, MAX_REQUEST_RECORDS)
        self._within("max_request_bytes", MAX_RECORD_BYTES, MAX_REQUEST_BYTES)
        self._within("max_record_bytes", 1, MAX_RECORD_BYTES)
        self._within("max_buffered_bytes", MAX_RECORD_BYTES, None)
        if (self.record_linger or 0) >= self.delivery_timeout:
            limit = f"less than delivery_timeout, {self.delivery_timeout}"
            raise InvalidSetting(f"record_linger: is {self.record_linger}, has to be {limit}")
        if self.on_full not in ("block", "raise"):
            raise InvalidSetting(f"on_full: is {self.on_full!r}, has to be 'block' or 'raise'")

    def record_linger_in(self, mode: str) -> float:
        """`record_linger` as it holds in a mode (`contract.keys`), seconds."""
        if self.record_linger is not None:
            return self.record_linger
        return min(_BUCKETS_GATHER, self.delivery_timeout / 10) if mode == BucketKeys.mode else 0.0

    def _within(self, name: str, least: int, most: int | None) -> None:
        value = getattr(self, name)
        if value < least or (most is not None and value > most):
            limit = f"at least {least:,}" if value < least else f"at most {most:,}"
            raise InvalidSetting(f"{name}: is {value:,}, has to be {limit}")
