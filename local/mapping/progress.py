"""How far a shard is finished, while its slots finish records in any order."""

from collections import deque
from collections.abc import Iterable

from local.mapping.facts import Record


class Progress:
    """Remembers what was read; `finished_through` moves when nothing before it is unfinished."""

    def __init__(self, finished_through: str | None) -> None:
        self.finished_through = finished_through
        self._read: deque[tuple[int, str]] = deque()

    def read(self, records: Iterable[Record]) -> None:
        self._read.extend((record.sequence_number, record.sequence_text) for record in records)

    def advance(self, lowest_unfinished: int | None) -> bool:
        """Move up to just before the lowest unfinished record, or to the last one read when there
        is none. True if that is further than before.
        """
        before = self.finished_through
        while self._read and (lowest_unfinished is None or self._read[0][0] < lowest_unfinished):
            self.finished_through = self._read.popleft()[1]
        return self.finished_through != before

    def forget_unfinished(self) -> None:
        """Reading starts again after `finished_through`."""
        self._read.clear()
