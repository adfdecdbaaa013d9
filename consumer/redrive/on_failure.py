"""The on-failure bucket: what the event source mapping gave up on, fed in again.

An object is one JSON document with the whole Lambda event as an escaped JSON string in `payload`
(Lambda Developer Guide, "Retain discarded batch records for a Kinesis Data Streams event source").
Its events take the same way as a batch from the stream, and so does everything that protects
them: what was applied since is a duplicate, what was overtaken is parked. Only then is the object
tagged, and only a tagged object may expire. What cannot be read stays untagged and is reported.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from consumer.arrivals import Record, read_batch
from contract import InorderError

DONE = ("inorder", "done")
"""The tag of an object that has been fed in: the bucket's life cycle goes by it."""

PREFIX = "aws/lambda/"
"""What the keys of on-failure objects begin with (the same page)."""

_MOST_BYTES = 64 * 1024 * 1024
"""Far above what Lambda writes: a payload is 6 MB at most, escaped perhaps three times that."""


class BadObject(InorderError):
    """The object is not what Lambda writes to an on-failure destination."""


class FailedBatch(NamedTuple):
    """A batch that the mapping gave up on."""

    shard: str
    records: list[Record]


class Bucket(Protocol):
    """The on-failure bucket, as far as redrive needs it."""

    def keys(self) -> Iterable[str]:
        """The keys of all on-failure objects, in the order in which S3 lists them."""
        ...

    def done(self, key: str) -> bool:
        """Whether the object is tagged; True for one that is gone."""
        ...

    def read(self, key: str, most: int) -> bytes:
        """The object, or its first `most` bytes."""
        ...

    def tag_done(self, key: str) -> None:
        """Tag the object."""
        ...


def waiting(bucket: Bucket, check_time: Callable[[], None]) -> Iterator[str]:
    """The objects that nobody has fed in yet; `check_time` may raise before each is looked at."""
    for key in bucket.keys():  # noqa: SIM118 - not a mapping
        check_time()
        if not bucket.done(key):
            yield key


def batch_of(bucket: Bucket, key: str) -> FailedBatch:
    """The batch that an object holds; raises `BadObject`."""
    body = bucket.read(key, _MOST_BYTES + 1)
    if len(body) > _MOST_BYTES:
        raise BadObject(f"{key} is larger than anything Lambda writes there")
    return read_document(key, body)


def read_document(name: str, body: bytes) -> FailedBatch:
    """The batch in such a document; raises `BadObject`."""
    try:
        document: Any = json.loads(body)
        payload = document["payload"]
        event = json.loads(payload) if isinstance(payload, str) else payload
        records = read_batch(event)
        shard = str(event["Records"][0].get("eventID", "")).partition(":")[0] if records else ""
    except (ValueError, RecursionError) as error:
        raise BadObject(f"{name} is not JSON: {error}") from None
    except (KeyError, TypeError) as error:
        raise BadObject(f"{name} holds no Kinesis event in `payload`: {error}") from None
    if not records:
        raise BadObject(f"{name} holds a Kinesis event without records")
    return FailedBatch(shard, records)
