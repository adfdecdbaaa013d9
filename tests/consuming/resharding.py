"""Splits and merges of a stream's open shards."""

from typing import Any

from local.kinesis.endpoint import wait_active


def open_shards(client: Any, name: str) -> list[dict[str, Any]]:
    """In the order of their share of the hash space."""
    listed = client.list_shards(StreamName=name)["Shards"]
    opened = [s for s in listed if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
    return sorted(opened, key=lambda shard: _bounds(shard)[0])


def split(client: Any, name: str, which: int) -> None:
    """Split one of the open shards in the middle, and wait until it is done."""
    shard = open_shards(client, name)[which]
    middle = sum(_bounds(shard)) // 2
    client.split_shard(
        StreamName=name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(middle)
    )
    wait_active(client, name)


def merge(client: Any, name: str, which: int) -> None:
    """Merge one of the open shards with the next, and wait until it is done."""
    left, right = open_shards(client, name)[which : which + 2]
    client.merge_shards(
        StreamName=name, ShardToMerge=left["ShardId"], AdjacentShardToMerge=right["ShardId"]
    )
    wait_active(client, name)


def _bounds(shard: dict[str, Any]) -> tuple[int, int]:
    share = shard["HashKeyRange"]
    return int(share["StartingHashKey"]), int(share["EndingHashKey"])
