"""How long to wait before trying again: full jitter.

Each wait is drawn evenly from zero to a ceiling that doubles with every attempt, so that the
producers of a throttled shard do not come back together ("Exponential Backoff And Jitter", AWS
Architecture Blog).
"""

from collections.abc import Callable

import msgspec


class FullJitter(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between attempts, from a source of randomness that is given."""

    base: float
    """The ceiling after the first failed attempt, in seconds."""
    cap: float
    """The ceiling never exceeds this many seconds."""
    random: Callable[[], float]
    """A number in [0, 1), drawn anew at each call."""

    def delay(self, attempts: int) -> float:
        """Seconds to wait after this many failed attempts, one or more."""
        doublings = min(attempts - 1, 62)  # beyond that the float would overflow long after the cap
        return self.random() * min(self.cap, self.base * 2.0**doublings)
