"""What the policy may do, and what it takes for too much."""

import msgspec

from controller.hand import MOST_FACTOR

SMALL_BATCH = 10
"""Records of a trial batch; a window of 0 goes with at most so many (CreateEventSourceMapping,
`BatchSize`: above 10 the window has to be at least 1 s).
"""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the policy; times in seconds, or milliseconds where the name says so.

    `lowest` and `most` bound the factor, `concurrency` what all shards may run at once (the
    consumer's reserved concurrency; 0 for no such cap). `batch_size` and `window` are the
    template's. A record older than `backlog_ms` waits in a backlog. `tolerance`: how many times its
    known service time a row may take. `cpu_limit` in percent, also of the capacity that a
    serverless database may grow to; `connections_limit` in percent of the proxy's.
    `settle`: how long an update takes to be in effect. `ripe`: how long after its end a period's
    sums may still grow. `acts`: whether decisions are carried out.
    """

    period: float = 60.0
    lowest: int = 1
    most: int = MOST_FACTOR
    concurrency: int = 0
    batch_size: int = 500
    window: int = 1
    timeout_ms: float = 60_000.0
    backlog_ms: float = 10_000.0
    tolerance: float = 1.5
    cpu_limit: float = 95.0
    connections_limit: float = 90.0
    borrow_limit_ms: float = 100.0
    settle: float = 30.0
    ripe: float = 45.0
    acts: bool = True

    def highest(self, shards: int) -> int:
        """The highest factor for so many shards, never below the lowest."""
        capped = self.concurrency // shards if self.concurrency and shards else self.most
        return max(self.lowest, min(self.most, capped))
