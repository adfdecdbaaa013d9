"""What the consumer says of itself: the metrics it prints, added up as CloudWatch would."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from contract.metrics import Metric

_METRICS = b'"_aws"'
_INTERRUPTED = (b'"batch interrupted"', b'"code stopped"')


class ConsumerCounts:
    """Reads the environments' log as it grows; EMF lines hold one number per metric and batch
    (CloudWatch, embedded metric format).
    """

    def __init__(self, log: Path, problems: Callable[[str], None] = lambda _: None) -> None:
        self._log = log
        self._problems = problems
        self._told: set[str] = set()
        self._read = 0
        self._rest = b""
        self._counts: Counter[str] = Counter()

    def update(self) -> None:
        """Take in what was printed since the last call."""
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        self._read += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            if _METRICS in line:
                self._add(_decode(line))
            elif any(message in line for message in _INTERRUPTED):
                self._tell(_decode(line).get("problem", ""))

    def __getitem__(self, metric: Metric) -> int:
        return self._counts[metric]

    @property
    def parked(self) -> int:
        """Events that were put into the lot, whatever for."""
        return self[Metric.EVENTS_PARKED] + self[Metric.EVENTS_HELD] + self[Metric.EVENTS_STRAY]

    def _add(self, metrics: dict[str, Any]) -> None:
        for metric in Metric:
            value = metrics.get(metric, 0)
            self._counts[metric] += int(sum(value) if isinstance(value, list) else value)

    def _tell(self, problem: str) -> None:
        if problem not in self._told:
            self._told.add(problem)
            self._problems(problem)


def _decode(line: bytes) -> dict[str, Any]:
    """A log line; empty if two processes wrote at once, or one was killed as it wrote."""
    try:
        decoded: dict[str, Any] = msgspec.json.decode(line, type=dict)
    except msgspec.DecodeError:
        return {}
    return decoded
