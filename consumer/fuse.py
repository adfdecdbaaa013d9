"""Fails fast while the database does not answer, as far as one execution environment can tell.

When a database is down, every invocation would wait for its connection to time out, twice. The
controller's breaker ends that by disabling the mapping, but it sees what happened a minute later,
and a disabled mapping ends in order what it has begun. Until then each environment remembers what
it met itself: nothing is asked of anybody, so a batch that goes well pays nothing for it.

One invocation whose connection was refused or timed out blows the fuse. While it is blown batches
are handed back untouched, which loses, parks and reorders nothing: the checkpoint is the batch's
first record. After the pause one batch tries again; success mends the fuse, failure doubles the
pause.
"""

import msgspec

LONGEST = 15
"""The longest pause, in first pauses."""

ANSWER_SECONDS = 1.0
"""The longest a batch is held before it is handed back. Handed back at once it would come again at
once: no sooner to be applied, and as much work for Lambda as if it were.
"""


class Fuse(msgspec.Struct):
    """One environment's memory; `now` is its own monotonic clock, `first` the first pause, both in
    seconds. A `first` of 0 is a fuse that never blows.
    """

    first: float = 1.0
    until: float = 0.0
    pause: float = 0.0

    def blown_for(self, now: float) -> float:
        """Seconds for which batches are still to be handed back untouched; 0 for none."""
        return max(0.0, self.until - now)

    def met(self, now: float, *, unreachable: bool) -> None:
        """What the invocation that just ended met: a database that did not answer, or did."""
        if not unreachable:
            self.until = self.pause = 0.0
            return
        self.pause = min(max(self.first, 2 * self.pause), LONGEST * self.first)
        self.until = now + self.pause
