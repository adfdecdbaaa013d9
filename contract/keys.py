"""From an order ID to the partition key: which events share a Kinesis record and a shard.

A strategy is a value that the producer is given. `OrderKeys` is the default: one order, one
partition key, so that Lambda never runs two batches of one order at once. A second strategy
(buckets, for cost at scale) has the same three answers and changes nothing else.
"""

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


class OrderKeys:
    """`order` mode: the partition key is the order ID; an aggregate holds one order's events."""

    mode = "order"

    def stream_key(self, order_id: str) -> StreamKey:
        return StreamKey(order_id)


def partition_key_of(order_id: str) -> str:
    """The partition key of an order in the default `order` mode."""
    return OrderKeys().stream_key(order_id).partition_key
