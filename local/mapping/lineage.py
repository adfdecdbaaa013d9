"""Which shards may be read: a child waits until its parents are drained.

Lambda reads "the parent shard before its children" so that a key keeps its order across a split or
merge. A parent that the stream no longer lists has expired and cannot be waited for.
"""

from collections.abc import Iterable

from local.mapping.facts import ListedShard
from local.mapping.undocumented import MergedChild


class Lineage:
    """Every shard seen, its parents, and which are drained."""

    def __init__(self, merged_child: MergedChild) -> None:
        self._merged_child = merged_child
        self._parents: dict[str, tuple[str, ...]] = {}
        self._listed: frozenset[str] = frozenset()
        self._started: set[str] = set()
        self._drained: set[str] = set()

    def see(self, shards: Iterable[ListedShard]) -> None:
        shards = tuple(shards)
        self._listed = frozenset(shard.shard_id for shard in shards)
        for shard in shards:
            self._parents.setdefault(shard.shard_id, shard.parents)

    def drained(self, shard_id: str) -> None:
        self._drained.add(shard_id)

    def start(self) -> list[str]:
        """The shards that may be read from now on, each named once, parents first."""
        ready = [
            shard_id
            for shard_id in sorted(self._listed)
            if shard_id not in self._started and self._may_start(shard_id)
        ]
        self._started.update(ready)
        return ready

    @property
    def all_drained(self) -> frozenset[str]:
        return frozenset(self._drained)

    @property
    def waiting(self) -> frozenset[str]:
        """Listed shards that wait for a parent."""
        return self._listed - self._started

    def _may_start(self, shard_id: str) -> bool:
        parents = self._parents[shard_id]
        done = [p in self._drained or p not in self._listed for p in parents]
        if self._merged_child is MergedChild.AFTER_ONE:
            return not done or any(done)
        return all(done)
