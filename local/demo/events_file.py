"""Events out of a JSON Lines file, plain or gzipped, checked as a whole before any is sent."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from contract import Event, InorderError, InvalidEvent, parse_event

_MOST_SHOWN = 10


class BadEventsFile(InorderError):
    """The file cannot be read, or lines of it are no events; the message says which and why."""


def check(file: Path) -> int:
    """Read the file once and return how many events it holds; raises `BadEventsFile`.

    All or nothing: an order of which one event cannot be sent must not be sent in part.
    """
    events, bad = 0, []
    for number, line in _lines(file):
        try:
            parse_event(line)
        except InvalidEvent as error:
            bad.append(f"{file}:{number}: {error}")
        else:
            events += 1
    if bad:
        shown = "\n".join(bad[:_MOST_SHOWN])
        rest = f"\n… and {len(bad) - _MOST_SHOWN} more" if len(bad) > _MOST_SHOWN else ""
        raise BadEventsFile(
            f"{len(bad)} of {events + len(bad)} lines are no events, so nothing was sent:\n"
            f"{shown}{rest}\nEach line is one JSON object; its fields are in contract/event.py."
        )
    if not events:
        raise BadEventsFile(f"{file} holds no events")
    return events


def read(file: Path) -> Iterator[Event]:
    """The events of a file that was checked, in file order."""
    for _, line in _lines(file):
        yield parse_event(line)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line.strip()
    except (OSError, EOFError) as error:
        raise BadEventsFile(f"{file} cannot be read: {error}") from None
