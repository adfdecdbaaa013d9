"""Lists the stream's shards again and again, so that children of a split or merge are found."""

import threading
import time
from collections.abc import Callable

import msgspec

from local.mapping.facts import ListedShard
from local.mapping.poller import ThreadCrashed
from local.mapping.stream import KinesisStream, ReadFailed

INTERVAL_SECONDS = 5.0
_AFTER_FAILURE_SECONDS = 0.5
_BETWEEN_SECONDS = 0.05


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """All shards, as of a monotonic time at or after `asked_at`."""

    shards: tuple[ListedShard, ...]
    asked_at: float


class ShardLister:
    """A thread that lists at once, every few seconds, and when told to hurry."""

    def __init__(
        self,
        stream: KinesisStream,
        done: Callable[[Listing | ThreadCrashed], None],
        failed: Callable[[ReadFailed], None],
    ) -> None:
        self._stream = stream
        self._done = done
        self._failed = failed
        self._hurry = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="list-shards", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hurry(self) -> None:
        self._hurry.set()

    def stop(self) -> None:
        self._stopped.set()
        self._hurry.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._list()
        except Exception as error:  # noqa: BLE001 - or no shard would be found again, untold
            self._done(ThreadCrashed(error=error))

    def _list(self) -> None:
        while not self._stopped.is_set():
            self._hurry.clear()
            asked_at = time.monotonic()
            try:
                self._done(Listing(shards=self._stream.shards(), asked_at=asked_at))
            except ReadFailed as error:
                self._failed(error)
                self._stopped.wait(_AFTER_FAILURE_SECONDS)
                continue
            self._stopped.wait(_BETWEEN_SECONDS)  # however much we are hurried
            self._hurry.wait(INTERVAL_SECONDS)
