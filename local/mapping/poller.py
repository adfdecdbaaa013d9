"""One thread per shard that carries out the mapping's `Read`s, at a bearable pace.

AWS polls a shard once a second. Here a shard is read again at once while it gives full pages, soon
while it gives any, and ever less often while it gives none.
"""

import queue
import threading
import time
from collections.abc import Callable

import msgspec

from local.mapping.facts import Read, RecordsRead
from local.mapping.position import After, AtTimestamp, Latest, ReadFrom
from local.mapping.stream import IteratorExpired, KinesisStream, Page, ReadFailed

_END_SECONDS = 5.0


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between two reads of a shard: after records, and after the n-th empty page."""

    busy: float = 0.02
    idle: float = 0.2
    failed: float = 1.0

    def after(self, empty_pages: int) -> float:
        return min(self.idle, self.busy * 2.0 ** min(empty_pages, 16))

    def after_failures(self, failures: int) -> float:
        return min(self.failed, self.busy * 2.0 ** min(failures, 16))


AWS_PACE = Pace(busy=1.0, idle=1.0)


class ReadDone(msgspec.Struct, frozen=True, kw_only=True):
    """A finished `Read`. `at_tip_since`: the shard had nothing more at this monotonic time."""

    fact: RecordsRead
    at_tip_since: float | None
    millis_behind: int


class ThreadCrashed(msgspec.Struct, frozen=True, kw_only=True):
    """A thread of the mapping ended by an error that nobody foresaw: a bug, or an answer of the
    endpoint that cannot be one.
    """

    error: Exception


class ShardPoller:
    """Reads one shard when asked to; answers with `done`, reports trouble with `failed`."""

    def __init__(
        self,
        stream: KinesisStream,
        shard_id: str,
        pace: Pace,
        done: Callable[[ReadDone | ThreadCrashed], None],
        failed: Callable[[ReadFailed], None],
    ) -> None:
        self._stream = stream
        self._shard_id = shard_id
        self._pace = pace
        self._done = done
        self._failed = failed
        self._wishes: queue.SimpleQueue[Read | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._hurry = threading.Event()
        self._iterator: str | None = None
        self._latest_at: int | None = None
        self._empty_pages = 0
        self._thread = threading.Thread(target=self._run, name=f"poll-{shard_id}", daemon=True)
        self._thread.start()

    def read(self, wish: Read) -> None:
        """Carry this out; the shard is read from where the last read ended unless it says so."""
        self._wishes.put(wish)

    def hurry(self) -> None:
        """Do not wait any longer before the next read."""
        self._hurry.set()

    def stop(self) -> None:
        self._stopped.set()
        self._hurry.set()
        self._wishes.put(None)

    def join(self) -> None:
        """Wait for its end; a request that hangs is left to its own time-out."""
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001 - or the shard would stand still, untold
            self._done(ThreadCrashed(error=error))

    def _serve(self) -> None:
        position: ReadFrom | None = None
        while (wish := self._wishes.get()) is not None:
            if wish.position != position:
                self._iterator = None
            started, page = self._page(wish)
            if page is None:
                return
            self._iterator = page.next_iterator
            position = After(page.records[-1].sequence_text) if page.records else wish.position
            self._done(_report(wish, page, started))
            self._rest(page, wish.limit)

    def _page(self, wish: Read) -> tuple[float, Page | None]:
        """The page and when it was asked for, however often that takes; None when stopped."""
        failures = 0
        while not self._stopped.is_set():
            started = time.monotonic()
            try:
                if self._iterator is None:
                    self._iterator = self._stream.iterator(self._shard_id, self._pin(wish.position))
                return started, self._stream.page(self._shard_id, self._iterator, wish.limit)
            except IteratorExpired:
                self._iterator = None
            except ReadFailed as error:
                self._iterator = None
                self._failed(error)
                failures += 1
                self._stopped.wait(self._pace.after_failures(failures))
        return 0.0, None

    def _pin(self, position: ReadFrom) -> ReadFrom:
        """LATEST means the first time it is asked for: a new iterator must not skip records."""
        if not isinstance(position, Latest):
            return position
        if self._latest_at is not None:
            return AtTimestamp(self._latest_at)
        self._latest_at = time.time_ns() // 1_000_000
        return position

    def _rest(self, page: Page, limit: int) -> None:
        self._empty_pages = 0 if page.records else self._empty_pages + 1
        if len(page.records) < limit:
            self._hurry.wait(self._pace.after(self._empty_pages))
        self._hurry.clear()


def _report(wish: Read, page: Page, started: float) -> ReadDone:
    """A page with records may be cut anywhere; only an empty one that is not behind shows that
    nothing more was there when it was asked for.
    """
    closed = page.next_iterator is None
    at_tip = closed or (not page.records and page.millis_behind == 0)
    return ReadDone(
        fact=RecordsRead(
            shard_id=wish.shard_id, read_id=wish.read_id, records=page.records, closed=closed
        ),
        at_tip_since=started if at_tip else None,
        millis_behind=page.millis_behind,
    )
