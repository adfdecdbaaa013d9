"""One run of the pruning: some pieces of a pass over the ledger. See the package for why."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from consumer.retention.ledger import Ledger, Progress

PASSES = 30
"""In the time that a row is kept the ledger is walked so often: rows stay up to a thirtieth longer
than they have to, and are read as often before they go."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How long rows are kept, None for ever, and how long a run may take. It works in pieces of
    `blocks` blocks (8 KB each), and after each rests for `rest` times as long as that took.
    """

    keep: timedelta | None = None
    seconds: float = 20.0
    blocks: int = 128
    rest: float = 3.0


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did. `finished` unless the time ran out within a pass: the next run goes on."""

    rows: int = 0
    blocks: int = 0
    finished: bool = True


class Pruner:
    """Prunes the ledger. `in_time` says whether there is time for another piece."""

    def __init__(
        self,
        ledger: Ledger,
        in_time: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ledger = ledger
        self._in_time = in_time
        self._sleep = sleep

    def run(self, terms: Terms, *, now: bool = False) -> Pruned:
        """Go on with the pass under way, or begin the next one if it is due, or if it has to be
        `now`; raises `psycopg.Error`, and the next run goes on then too.
        """
        if terms.keep is None:
            self._ledger.keep_for_ever()
            return Pruned()
        progress = self._ledger.progress()
        start = self._under_way(progress, terms.keep)
        if start is not None:
            return self._walk(start, progress.next_block, progress.blocks, terms)
        if not (now or progress.due or progress.keep != terms.keep):
            return Pruned()
        before = min(progress.now - terms.keep, progress.audited_to)
        self._ledger.begin_pass(terms.keep, before)
        return self._walk(before, 0, progress.blocks, terms)

    def _under_way(self, progress: Progress, keep: timedelta) -> datetime | None:
        """What the pass that is under way removes; None without one, or if rows are to be kept for
        another time than when it began.
        """
        return progress.before if progress.next_block and progress.keep == keep else None

    def _walk(self, before: datetime, block: int, blocks: int, terms: Terms) -> Pruned:
        deadline = time.monotonic() + terms.seconds
        start, rows = block, 0
        while block < blocks and time.monotonic() < deadline and self._in_time():
            began = time.monotonic()
            end = min(block + terms.blocks, blocks)
            removed = self._ledger.remove(block, end, before)
            rows += removed.rows
            block = block if removed.left else end
            self._sleep(terms.rest * (time.monotonic() - began))
        self._ledger.walked(block, rows)
        if block >= blocks:
            due_at = self._ledger.progress().now + (terms.keep or timedelta()) / PASSES
            self._ledger.end_pass(due_at)
        return Pruned(rows=rows, blocks=block - start, finished=block >= blocks)
