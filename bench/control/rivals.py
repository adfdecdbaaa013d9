"""What people use instead, fed with the same minutes: fixed settings, AIMD, Vegas, Gradient2.

The last three are the algorithms of Netflix's concurrency-limits, with that library's default
constants, once a period instead of once a request. Their round-trip time is the service time per
row, which is kinder to them than time per batch; inflight is the mean number of busy sessions; a
drop is a period in which attempts failed. Their limit divided by the shards, rounded, is the
factor.
"""

import math
from collections.abc import Callable
from typing import Protocol

from controller.observation import Minute

LEAST_FAILING = 0.05


class Rival(Protocol):
    """A limit on concurrency that each minute moves."""

    limit: float

    def see(self, minute: Minute, inflight: float) -> None: ...


class Fixed:
    def __init__(self, limit: float) -> None:
        self.limit = limit

    def see(self, minute: Minute, inflight: float) -> None:
        pass


class Aimd:
    """One more while the limit is in use, a tenth less when something failed or a row took more
    than three times its usual time (which stands for the library's time-out of a request).
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._usual = math.inf

    def see(self, minute: Minute, inflight: float) -> None:
        service = minute.service_ms or math.inf
        self._usual = min(self._usual, service)
        if minute.failing > LEAST_FAILING or service > 3 * self._usual:
            self.limit *= 0.9
        elif inflight * 2 >= self.limit:
            self.limit += 1


class Vegas:
    """Estimates the queue from the least time ever seen; that minimum is forgotten now and then."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._least, self._seen = math.inf, 0

    def see(self, minute: Minute, inflight: float) -> None:
        service = minute.service_ms
        if service is None:
            return
        self._seen += 1
        if self._seen >= 30 * self.limit:
            self._least, self._seen = service, 0
            return
        if service < self._least:
            self._least = service
            return
        log = max(1.0, math.log10(self.limit))
        queue = math.ceil(self.limit * (1 - self._least / service))
        if minute.failing > LEAST_FAILING:
            self.limit -= log
        elif inflight * 2 < self.limit:
            return
        elif queue <= log:
            self.limit += 6 * log
        elif queue < 3 * log:
            self.limit += log
        elif queue > 6 * log:
            self.limit -= log


class Gradient2:
    """Compares the time now with its long average, which sinks when the load falls."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._long, self._seen = 0.0, 0

    def see(self, minute: Minute, inflight: float) -> None:
        service = minute.service_ms
        if service is None:
            return
        self._seen += 1
        factor = 1 / min(self._seen, 10) if self._seen <= 10 else 2 / 601
        self._long += (service - self._long) * factor
        if self._long / service > 2:
            self._long *= 0.95
        if inflight < self.limit / 2:
            return
        gradient = max(0.5, min(1.0, 1.5 * self._long / service))
        self.limit = 0.8 * self.limit + 0.2 * (self.limit * gradient + 4)


RIVALS: dict[str, Callable[[float], Rival]] = {
    "AIMD": Aimd,
    "Vegas": Vegas,
    "Gradient2": Gradient2,
}
