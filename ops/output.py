"""What commands show: a table for a person, JSON for a script."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

_MOST_CHARACTERS = 80

_UNBROKEN = 1_000


def _console(*, stderr: bool = False) -> Console:
    """As wide as the terminal; what goes into a file or another program keeps its lines whole."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNBROKEN
    return console


people = _console()
problems = _console(stderr=True)


def show_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, default=_plain, ensure_ascii=False))  # noqa: T201 - the answer itself


def show_table(title: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """The rows' values under these columns; long text is cut, whatever is in it is shown as is."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(Text(_short(row.get(column))) for column in columns))
    people.print(table)


def show_facts(facts: Mapping[str, Any]) -> None:
    """One thing's fields, a line each."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in facts.items():
        table.add_row(Text(name.replace("_", " "), style="dim"), Text(_whole(value)))
    people.print(table)


def progress() -> Progress:
    """A bar on standard error while something goes on, gone afterwards; none without a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=problems,
        transient=True,
        disable=not problems.is_terminal,
    )


def say(text: str) -> None:
    """A sentence for a person."""
    people.print(Text(text))


def complain(text: str) -> None:
    """What went wrong, on standard error."""
    problems.print(Text(f"inorder: {text}", style="red"))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _whole(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S %Z} ({_age(value)} ago)"
    return str(value)


def _short(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{_age(value)} ago"
    text = _whole(value).replace("\n", " ")
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _age(since: datetime) -> str:
    seconds = max(0, int((datetime.now(UTC) - since).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
