"""The on-failure bucket: what a mapping with finite retries gives up, as Lambda writes it there."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from local.mapping.facts import Discard
from local.mapping.lambda_event import StreamIdentity
from local.mapping.on_failure import MappingIdentity, object_key

_IDENTITY = MappingIdentity(
    mapping_id="00000000-0000-0000-0000-000000000000",
    function_arn="arn:aws:lambda:eu-west-1:000000000000:function:consumer",
    stream=StreamIdentity("arn:aws:kinesis:eu-west-1:000000000000:stream/orders"),
)


class ImaginedBucket:
    """`consumer.redrive.on_failure.Bucket` in memory. `tagged` hears what has been fed in."""

    def __init__(self, tagged: Callable[[list[int]], None]) -> None:
        self._objects: dict[str, tuple[bytes, list[int]]] = {}
        self._done: set[str] = set()
        self._tagged = tagged

    def deliver(self, discard: Discard, event: dict[str, Any], now: int) -> str:
        """Keep a batch; its key."""
        key = object_key(_IDENTITY, discard, now, f"{len(self._objects):04d}")
        numbers = [record.sequence_number for record in discard.records]
        document = {"version": "1.0", "payload": json.dumps(event)}
        self._objects[key] = json.dumps(document).encode(), numbers
        return key

    @property
    def left(self) -> bool:
        """Whether anything is not fed in yet."""
        return self._done != self._objects.keys()

    def keys(self) -> Iterable[str]:
        return sorted(self._objects)

    def done(self, key: str) -> bool:
        return key in self._done

    def read(self, key: str, most: int) -> bytes:
        return self._objects[key][0][:most]

    def tag_done(self, key: str) -> None:
        if key not in self._done:
            self._done.add(key)
            self._tagged(self._objects[key][1])
