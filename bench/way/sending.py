"""Ours as a contestant that remembers when it sent what."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.producer import ways
from bench.workload import Sent


class _Named(msgspec.Struct):
    id: str


class Timed(ways.Ours):
    """Beside sending, writes each event's id and the time of its `send` to a file."""

    def __init__(self, ours: ways.Ours, file: Path) -> None:
        self.__dict__.update(vars(ours))
        self._file = file

    def work(self, events: list[Sent], /) -> int:
        """As ours; the rate is that of the course."""
        sent: list[tuple[bytes, float]] = []
        send = self._producer.send
        futures = []
        for event in ways.paced(events, self._course.rate):
            sent.append((event.data, time.time()))
            futures.append(send(event.data))
        for future in futures:
            future.result()
        ids = msgspec.json.Decoder(_Named)
        self._file.write_bytes(msgspec.json.encode([(ids.decode(d).id, at) for d, at in sent]))
        return len(futures)


@contextmanager
def timed(course: ways.Course, file: Path) -> Iterator[Timed]:
    """Ours in `order` mode; the times go to this file, turn by turn."""
    with ways.ours(course) as ours:
        yield Timed(ours, file)


def times_of(file: Path) -> dict[str, float]:
    """The times of a turn, seconds since 1970 by event id."""
    return dict(msgspec.json.decode(file.read_bytes(), type=list[tuple[str, float]]))
