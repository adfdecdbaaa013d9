"""Named statements out of a `.sql` file."""

import re
from pathlib import Path
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)


def read_statements(file: Path) -> dict[str, LiteralString]:
    """The statements of a file, by the `-- name:` line above each; comments are left out.

    The text is the project's own, which is what `LiteralString` asks for. Raises `ValueError` if
    two have one name.
    """
    _, *parts = _NAME.split(file.read_text())
    texts = (_COMMENT.sub("", text).strip().removesuffix(";") for text in parts[1::2])
    names = parts[::2]
    if len(set(names)) < len(names):
        raise ValueError(f"{file}: two statements have one name among {sorted(names)}")
    return dict(zip(names, cast("list[LiteralString]", list(texts)), strict=True))
