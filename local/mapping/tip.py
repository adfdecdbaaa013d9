"""Whether everything that was on the stream at some moment has been read.

A shard is read to its tip when a read that began after that moment found nothing more. A closed
shard may have children that nobody has listed yet: a listing that began after its end must follow.
"""

import threading

from local.mapping.poller import ReadDone


class Tip:
    """Remembers, per shard, since when nothing more was to be read. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._closed: set[str] = set()
        self._listed = float("-inf")
        self._behind: dict[str, int] = {}

    def listed(self, asked_at: float) -> None:
        self._listed = max(self._listed, asked_at)

    def read(self, done: ReadDone, now: float) -> None:
        shard_id = done.fact.shard_id
        self._behind[shard_id] = done.millis_behind
        # An update may have a shard read again that had been read to its end already.
        self._closed.discard(shard_id)
        if done.at_tip_since is None:
            self._since.pop(shard_id, None)
        elif done.fact.closed:
            self._closed.add(shard_id)
            self._since[shard_id] = now
        else:
            self._since[shard_id] = done.at_tip_since

    @property
    def millis_behind(self) -> int:
        return max(self._behind.values(), default=0)

    @property
    def wants_listing(self) -> bool:
        """True where a shard has ended since the last listing."""
        return any(self._since[shard_id] > self._listed for shard_id in self._closed)

    def reached(self, moment: float, open_shards: frozenset[str]) -> bool:
        """True when all that was put before `moment` has been read, of these shards and those
        that ended.
        """
        if self._listed < moment or self.wants_listing:
            return False
        return all(self._since.get(shard_id, 0.0) >= moment for shard_id in open_shards)


class Waiter:
    """Somebody who waits until all that was put before `since` has been read and finished."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.released = threading.Event()

    def release(self, tip: Tip, open_shards: frozenset[str]) -> bool:
        """Let it go on if the tip is reached; to be asked when no batch is unfinished."""
        if tip.reached(self.since, open_shards):
            self.released.set()
        return self.released.is_set()
