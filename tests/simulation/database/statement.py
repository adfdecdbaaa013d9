"""One of the consumer's statements, taken apart: columns and parameters are read from its text."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from tests.simulation.database.tables import Values
from tests.simulation.database.transaction import Transaction

Parameters: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = list[tuple[Any, ...]]
Run: TypeAlias = Callable[["Statement", Transaction, Parameters], Rows]

_UNNEST = re.compile(r"unnest\((.*?)\)(?: with ordinality)? as \w+ \(([^)]*)\)")
_PARAMETER = re.compile(r"%\((\w+)\)")


class Statement:
    """One statement's text, taken apart once."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = " ".join(text.split())
        self.unnested = [
            list(zip(_PARAMETER.findall(values), columns.replace(" ", "").split(","), strict=False))
            for values, columns in _UNNEST.findall(self.text)
        ]
        self.selected = [
            column.split(".")[-1].split(" ")[-1]
            for column in _between(self.text, "select ", " from ").split(", ")
        ]

    def rows(self, parameters: Parameters, nth: int = 0) -> Iterator[Values]:
        """The rows that the nth `unnest` makes of its arrays."""
        columns = [column for _, column in self.unnested[nth]]
        arrays = [parameters[name] for name, _ in self.unnested[nth]]
        for values in zip(*arrays, strict=True):
            yield stored(dict(zip(columns, values, strict=True)))

    def inserted_into(self, table: str) -> list[tuple[str, str]]:
        """Parameters and columns of an insert whose arrays have no names of their own."""
        text = self.text.partition(f"insert into {table}")[2]
        columns = _between(text, "(", ")").split(", ")
        arrays = _PARAMETER.findall(text.partition("unnest(")[2])
        return list(zip(arrays, columns, strict=True))

    def says(self, words: str) -> bool:
        return words in self.text


def stored(row: Values) -> Values:
    """The row as its columns' types have it: a sequence number may come as text."""
    number = row.get("sequence_number")
    return {**row, "sequence_number": int(number)} if isinstance(number, str) else row


def _between(text: str, begin: str, end: str) -> str:
    return text.partition(begin)[2].partition(end)[0]


Catalogue: TypeAlias = dict[str, tuple[Run, Statement]]
"""By a statement's text, how to run it."""


class UnknownStatement(AssertionError):
    """The imagined PostgreSQL was not told what this means; see `statements`."""
