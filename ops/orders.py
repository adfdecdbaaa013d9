"""`inorder gap`, `inorder head`: pass over versions that never come; join orders in mid-stream."""

import csv
import json as json_text
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from contract.keys import MAX_KEY_CHARACTERS
from ops import deciding
from ops.connection import database
from ops.decisions import Refused
from ops.options import Because, Json
from ops.output import progress, say, show_json, show_table
from ops.parked import Redrive, after, reasoned

gap = App(name="gap", help="Pass over versions that never come.")
head = App(name="head", help="Join orders in mid-stream.")

_AT_ONCE = 500


@gap.command(name="close")
def close(
    *,
    order: str,
    to: Annotated[int, Parameter(help="The last version to pass over")],
    because: Because,
    redrive: Redrive = True,
    json: Json = False,
) -> int:
    """Pass over the missing versions of an order up to one, and go on with it."""
    why = reasoned(because)
    with database() as opened:
        decision = deciding.close_gap(opened, order, to, why)
        done = f"{len(decision.passed_over)} versions passed over, up to {to}"
        return after(done, decision, opened if redrive else None, json=json)


@head.command(name="import")
def import_(
    file: Annotated[Path, Parameter(help="CSV with order_id,version; or JSON lines (.jsonl)")],
    /,
    *,
    because: Because,
    json: Json = False,
) -> int:
    """Let orders begin after the last version that was applied elsewhere."""
    why = reasoned(because)
    found = _versions(file)
    refused: list[dict[str, str]] = []
    with database() as opened, progress() as bar:
        task = bar.add_task("heads", total=len(found))
        rest = iter(found.items())
        while part := list(islice(rest, _AT_ONCE)):
            refused += (
                {"order_id": order_id, "problem": problem}
                for order_id, problem in deciding.import_heads(opened, part, why)
            )
            bar.advance(task, len(part))
    imported = len(found) - len(refused)
    if json:
        show_json({"imported": imported, "refused": refused})
    else:
        say(f"{imported} heads imported, {len(refused)} refused")
        if refused:
            show_table("Refused", ("order_id", "problem"), refused)
    return int(bool(refused))


def _versions(file: Path) -> dict[str, int]:
    """The version of each order in the file; raises `Refused` naming the line."""
    found: dict[str, int] = {}
    for line, row in _rows(file):
        try:
            order_id, version = row["order_id"], int(row["version"])
        except (KeyError, TypeError, ValueError):
            raise Refused(f"{file}, line {line}: expected order_id and a number version") from None
        if not isinstance(order_id, str) or not 0 < len(order_id) <= MAX_KEY_CHARACTERS:
            raise Refused(f"{file}, line {line}: order_id is no text of 1 to 256 characters")
        if found.setdefault(order_id, version) != version:
            raise Refused(f"{file}, line {line}: order {order_id!r} is there with two versions")
    return found


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open(encoding="utf-8", newline="") as opened:
        if file.suffix != ".jsonl":
            yield from enumerate(csv.DictReader(opened), start=2)
            return
        for line, text in enumerate(opened, start=1):
            try:
                yield line, json_text.loads(text)
            except ValueError as error:
                raise Refused(f"{file}, line {line} is not JSON: {error}") from None
