"""What the consumer says of itself: the metrics it prints, added up as CloudWatch would."""

from collections import Counter
from pathlib import Path

import msgspec

from contract.metrics import Metric

_MARK = b'"_aws"'


class ConsumerCounts:
    """Reads the environments' log as it grows; EMF lines hold one number per metric and batch
    (CloudWatch, embedded metric format).
    """

    def __init__(self, log: Path) -> None:
        self._log = log
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
            if _MARK in line:
                self._add(line)

    def __getitem__(self, metric: Metric) -> int:
        return self._counts[metric]

    @property
    def parked(self) -> int:
        """Events that were put into the lot, whatever for."""
        return self[Metric.EVENTS_PARKED] + self[Metric.EVENTS_HELD] + self[Metric.EVENTS_STRAY]

    def _add(self, line: bytes) -> None:
        try:
            metrics = msgspec.json.decode(line)
        except msgspec.DecodeError:  # two processes wrote at once, or one was killed as it wrote
            return
        for metric in Metric:
            value = metrics.get(metric, 0)
            self._counts[metric] += int(sum(value) if isinstance(value, list) else value)
