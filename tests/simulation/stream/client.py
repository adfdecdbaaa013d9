"""The boto3 client of the imagined stream: what the producer's own code talks to."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from botocore import exceptions as vendor

from tests.simulation.dice import Dice
from tests.simulation.loop import Loop
from tests.simulation.stream.shards import ImaginedStream, Stored

READ_TIMEOUT_MS = 5_000
LATEST_LANDING_MS = 90_000

Strikes = Callable[[str], bool]
"""Whether a fault of this kind meets this very thing."""


class Client:
    """Answers PutRecords for one process, inside one of its tasks."""

    def __init__(
        self, loop: Loop, dice: Dice, strikes: Strikes, stream: ImaginedStream, witness: Any
    ) -> None:
        retries = {"total_max_attempts": 1}
        self.meta = SimpleNamespace(config=SimpleNamespace(retries=retries))
        self._loop = loop
        self._dice = dice
        self._strikes = strikes
        self._stream = stream
        self._witness = witness
        self.process = ""
        """Who puts now: a producer that died leaves its client to the next one."""

    def put_records(self, *, Records: list[dict[str, Any]], **_: str) -> dict[str, Any]:  # noqa: N803
        process = self.process
        for record in Records:
            self._witness.puts(process, record["Data"])
        self._reach(Records)
        entries = self._store(Records)
        if self._strikes("put_timeout"):
            self._time_out()
        self._loop.sleep(self._dice.between(1, 30))
        for record, entry in zip(Records, entries, strict=True):
            if "ErrorCode" not in entry:
                self._witness.answered(process, record["Data"])
        return {"Records": entries, "FailedRecordCount": sum("ErrorCode" in e for e in entries)}

    def _reach(self, records: list[dict[str, Any]]) -> None:
        """The way to the stream; raises what becomes of a request as a whole."""
        strikes = self._strikes
        if strikes("put_refused"):
            raise vendor.EndpointConnectionError(endpoint_url="kinesis")
        self._loop.sleep(self._dice.between(1, 30))
        if strikes("put_reset"):
            raise vendor.ConnectionClosedError(endpoint_url="kinesis")
        if strikes("put_throttled"):
            raise _error("LimitExceededException", 400)
        if strikes("put_late"):
            self._loop.after(self._dice.below(LATEST_LANDING_MS), lambda: self._store(records))
            self._time_out()
        if strikes("put_failed"):
            if self._dice.chance(0.5):
                self._store(records)
            raise _error("InternalFailure", 500)

    def _time_out(self) -> None:
        self._loop.sleep(READ_TIMEOUT_MS)
        raise vendor.ReadTimeoutError(endpoint_url="kinesis")

    def _store(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """In any order: PutRecords "doesn't guarantee the ordering of records"."""
        entries: list[dict[str, Any]] = [{} for _ in records]
        for place in self._dice.shuffled(range(len(records))):
            entries[place] = self._store_one(records[place])
        return entries

    def _store_one(self, record: dict[str, Any]) -> dict[str, Any]:
        if self._strikes("record_throttled"):
            return _failed("ProvisionedThroughputExceededException")
        failed = self._strikes("record_failed")
        if failed and self._dice.chance(0.5):
            return _failed("InternalFailure")
        explicit = record.get("ExplicitHashKey")
        stored: Stored = self._stream.put(
            record["PartitionKey"],
            None if explicit is None else int(explicit),
            record["Data"],
            self._loop.now,
        )
        if failed:
            return _failed("InternalFailure")
        return {"SequenceNumber": str(stored.sequence_number), "ShardId": "shardId-0"}


def _failed(code: str) -> dict[str, Any]:
    return {"ErrorCode": code, "ErrorMessage": "imagined"}


def _error(code: str, status: int) -> vendor.ClientError:
    return vendor.ClientError(
        {
            "Error": {"Code": code, "Message": "imagined"},
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
        },
        "PutRecords",
    )
