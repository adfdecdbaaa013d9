"""Named statements out of a `.sql` file."""

from functools import cache
from pathlib import Path
from typing import LiteralString

_NAME = "-- name: "


@cache  # one file has the statements of several modules
def read_statements(file: Path) -> dict[str, LiteralString]:
    """The statements of a file, by the `-- name:` line above each; comments are left out.

    The text is the project's own, which is what `LiteralString` asks for. Raises `ValueError` if
    two have one name.
    """
    found: dict[str, list[str]] = {}
    lines: list[str] = []  # above the first name: of no statement
    for line in file.read_text().splitlines():
        if line.startswith(_NAME):
            name = line.removeprefix(_NAME).strip()
            if name in found:
                raise ValueError(f"{file}: two statements have the name {name}")
            lines = found[name] = []
        elif not line.lstrip().startswith("--"):
            lines.append(line)
    return {name: "\n".join(lines).strip().removesuffix(";") for name, lines in found.items()}
