"""From an order ID to the partition key: which events share a Kinesis record and a shard.

A strategy is a value that the producer is given. `OrderKeys` is the default: one order, one
partition key, so that Lambda never runs two batches of one order at once. `BucketKeys` lets a fixed
slice of all orders share one partition key and so its records, for cost at scale. Either way an
order has one partition key for ever, which is all that its order on the stream needs.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple, Protocol

MAX_KEY_CHARACTERS = 256
"""Kinesis: "Unicode strings, with a maximum length limit of 256 characters for each key"
(API reference, PutRecordsRequestEntry)."""

MODE_TAG = "inorder-mode"
"""The stream's tag that says which strategy writes to it. Without a colon: Kinesis takes "Unicode
letters, digits, white space, _ . / = + - % @" in a tag key (API reference, Tag)."""


class StreamKey(NamedTuple):
    """What decides the shard of a record: the partition key, and a hash key that overrides its
    MD5 (a decimal string), or None to let Kinesis hash the partition key.
    """

    partition_key: str
    explicit_hash_key: str | None = None


class KeyStrategy(Protocol):
    """How order IDs become partition keys."""

    @property
    def mode(self) -> str:
        """The value that the stream's tag `inorder-mode` carries."""
        ...

    def stream_key(self, order_id: str) -> StreamKey:
        """The key under which every event of this order is put, always the same one."""
        ...


BUCKET_BITS = 12
_HASH_BITS = 128
""""An MD5 hash function is used to map partition keys to 128-bit integer values" (Kinesis API
reference, PutRecordsRequestEntry)."""
_BUCKET_KEY = r"bucket-[0-9a-f]{3}"


class OrderKeys:
    """`order` mode: the partition key is the order ID; an aggregate holds one order's events."""

    mode = "order"

    def stream_key(self, order_id: str) -> StreamKey:
        return StreamKey(order_id)


class BucketKeys:
    """`bucket` mode: 4,096 fixed slices of the hash space; an aggregate holds one slice's events.

    A bucket is the top 12 bits of the order ID's MD5, and its explicit hash key the start of that
    slice. So an order stays on the shard that its own MD5 would choose (unless a shard ends inside
    the slice), a bucket is never on two open shards, and no split or merge moves an order out of
    its bucket.
    """

    mode = "bucket"

    def stream_key(self, order_id: str) -> StreamKey:
        digest = hashlib.md5(order_id.encode(), usedforsecurity=False).digest()
        return _bucket(int.from_bytes(digest[:2], "big") >> 16 - BUCKET_BITS)


STRATEGIES: Mapping[str, Callable[[], KeyStrategy]] = {
    OrderKeys.mode: OrderKeys,
    BucketKeys.mode: BucketKeys,
}
"""Every mode that a stream can be written in, and its strategy."""


def is_bucket_key(partition_key: str) -> bool:
    """Whether this is a bucket's partition key, which no order ID may be (`contract.event`): what
    stands under it says nothing about its order.
    """
    if not partition_key.startswith("bucket-"):
        return False
    return re.fullmatch(_BUCKET_KEY, partition_key) is not None


@cache  # of 4,096 entries at most
def _bucket(number: int) -> StreamKey:
    return StreamKey(f"bucket-{number:03x}", str(number << _HASH_BITS - BUCKET_BITS))
