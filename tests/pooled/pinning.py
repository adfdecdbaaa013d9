"""What makes RDS Proxy pin a PostgreSQL session to one connection, held to one message at a time.

The list is AWS's (Aurora User Guide, "Avoiding pinning an RDS Proxy": conditions for any engine and
for PostgreSQL). Where it leaves room, this is the strict reading: any form of SET or RESET, LOCAL
too; whatever is named in the extended protocol. SQL is read by PostgreSQL's own parser.

Whether values that are bound count towards the 16 KB of a statement AWS does not say; only the
statement's text is held to it here.
"""

from collections.abc import Iterator
from functools import cache

import pglast
from pglast import ast
from pglast.visitors import Visitor

LARGEST_TEXT = 16 * 1024
"""Bytes of a statement's text."""

_COMMANDS: dict[type[ast.Node], str] = {
    ast.VariableSetStmt: "SET or RESET",
    ast.PrepareStmt: "PREPARE",
    ast.ExecuteStmt: "EXECUTE",
    ast.DeallocateStmt: "DEALLOCATE",
    ast.DiscardStmt: "DISCARD",
    ast.DeclareCursorStmt: "a cursor",
    ast.FetchStmt: "a cursor",
    ast.ClosePortalStmt: "a cursor",
    ast.ListenStmt: "LISTEN",
    ast.UnlistenStmt: "LISTEN",
    ast.LoadStmt: "LOAD",
    ast.DoStmt: "DO, whose body nobody has read",
}
_FUNCTIONS = {
    **dict.fromkeys(("set_config",), "set_config"),
    **dict.fromkeys(("nextval", "setval", "currval", "lastval"), "a sequence's function"),
    **dict.fromkeys(
        (
            "pg_advisory_lock",
            "pg_advisory_lock_shared",
            "pg_try_advisory_lock",
            "pg_try_advisory_lock_shared",
            "pg_advisory_unlock",
            "pg_advisory_unlock_shared",
            "pg_advisory_unlock_all",
        ),
        "an advisory lock of the session",
    ),
}
_ALLOWED_AT_START = {
    "user",
    "database",
    "application_name",
    "client_encoding",
    "DateStyle",
    "TimeZone",
    "extra_float_digits",
    "search_path",
}
"""What RDS Proxy takes in a start-up message (Aurora User Guide, "Connecting to an Aurora cluster
through RDS Proxy")."""


def problems(kind: bytes, body: bytes) -> tuple[str, ...]:
    """What a frontend message (its type, b"" for start-up, and its body) would pin for, or be
    refused for; empty for one that does neither.
    """
    if kind == b"":
        return tuple(_of_start(body))
    found = [] if (text := _text(kind, body)) is None else list(_of_text(text))
    if any(_names(kind, body)):
        found.append("a named statement or portal")
    if kind == b"F":
        found.append("a call of a function by its number")
    return tuple(found)


def text_of(kind: bytes, body: bytes) -> str | None:
    """The SQL of a message that has some."""
    text = _text(kind, body)
    return None if text is None else text.decode()


def _text(kind: bytes, body: bytes) -> bytes | None:
    if kind == b"Q":
        return body.rstrip(b"\0")
    return body.split(b"\0")[1] if kind == b"P" else None


def _names(kind: bytes, body: bytes) -> list[bytes]:
    """Of statements and portals: Parse says one, Bind both, Describe and Close one after a letter,
    Execute a portal's.
    """
    match kind:
        case b"P" | b"E":
            return body.split(b"\0")[:1]
        case b"B":
            return body.split(b"\0", 2)[:2]
        case b"C" | b"D":
            return body[1:].split(b"\0")[:1]
        case _:
            return []


def _of_start(body: bytes) -> Iterator[str]:
    words = body[4:].rstrip(b"\0").split(b"\0")
    for name in (word.decode() for word in words[::2]):
        if name not in _ALLOWED_AT_START:
            yield f"the start-up parameter {name}"


@cache
def _of_text(text: bytes) -> tuple[str, ...]:
    found = [f"{len(text)} bytes of text"] if len(text) > LARGEST_TEXT else []
    try:
        statements = pglast.parse_sql(text.decode())
    except (pglast.Error, UnicodeDecodeError) as error:
        return (*found, f"cannot be read: {error}")
    reader = _Reader()
    reader(statements)
    return tuple(dict.fromkeys(found + reader.found))


class _Reader(Visitor):  # type: ignore[misc] # pglast is not typed
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def visit(self, _ancestors: object, node: ast.Node) -> None:
        if (command := _COMMANDS.get(type(node))) is not None:
            self.found.append(command)
        elif isinstance(node, ast.FuncCall):
            name = node.funcname[-1].sval
            if name in _FUNCTIONS:
                self.found.append(_FUNCTIONS[name])
        elif isinstance(node, ast.RangeVar) and (
            node.relpersistence == "t" or node.schemaname == "pg_temp"
        ):
            self.found.append("a temporary table, view or sequence")
