"""`inorder parked`: look at the parking lot, and decide about its entries."""

import base64
import sys
from pathlib import Path
from typing import Annotated, Any, TextIO

import msgspec
from cyclopts import App, Parameter

from ops import deciding, person
from ops.connection import database, rows
from ops.deciding import Reasoned, UnknownEntry
from ops.decisions import Decision, Refused
from ops.options import Because, Json, Limit, OrderId, ReasonName
from ops.output import say, show_facts, show_json, show_table
from ops.redrive import go_on

app = App(name="parked", help="Look at the parking lot, and decide about its entries.")

EntryId = Annotated[int, Parameter(help="The entry's number, as `parked list` shows it")]
Redrive = Annotated[bool, Parameter(help="Go on with the order at once if nothing else blocks it")]


@app.command(name="list")
def list_(
    *, order: OrderId = None, reason: ReasonName = None, limit: Limit = 50, json: Json = False
) -> None:
    """Orders that wait, longest first; or with --order its entries, in redrive order."""
    with database() as opened:
        if order is not None:
            entries = rows(opened, "entries_of_order", order_id=order, limit=limit)
            found: dict[str, Any] = {"entries": entries}
        else:
            found = {
                name: rows(opened, name, reason=reason, limit=limit)
                for name in ("waiting_orders", "strays")
            }
    if json:
        show_json(found)
        return
    for name, found_rows in found.items():
        if found_rows:
            show_table(*_TABLES[name], found_rows)
    if not any(found.values()):
        say("nothing waits")


@app.command
def show(
    entry: EntryId,
    /,
    *,
    payload: Annotated[
        bool, Parameter(negative="", help="Show the event's bytes, personal data and all")
    ] = False,
    json: Json = False,
) -> None:
    """One entry with all that is known about it; its payload only on request."""
    with database() as opened:
        found = rows(opened, "entry", entry_id=entry)
        if not found:
            raise UnknownEntry(entry)
        facts = dict(found[0])
        if payload:
            (row,) = rows(opened, "payload", entry_id=entry)
            facts["payload"] = _text(row["payload"])
    show_json(facts) if json else show_facts(facts)


@app.command
def export(
    *,
    out: Annotated[Path, Parameter(help="A new file; - is standard output")],
    order: OrderId = None,
    reason: ReasonName = None,
) -> None:
    """Write entries, payload included, one JSON object a line.

    A payload that is not UTF-8 is written as `payload_base64`.
    """
    if str(out) == "-":
        _export(sys.stdout, order, reason)
        return
    with out.open("x", encoding="utf-8") as file:
        count = _export(file, order, reason)
    say(f"{count} entries written to {out}")


@app.command
def skip(
    entry: EntryId,
    /,
    *,
    because: Because,
    version: Annotated[
        int | None, Parameter(help="Which version bytes were that cannot be read")
    ] = None,
    redrive: Redrive = True,
    json: Json = False,
) -> int:
    """Drop an event for good: its place in the order is passed over, and the order goes on."""
    why = reasoned(because)
    with database() as opened:
        decision = deciding.skip(opened, entry, why, version=version)
        return after(f"entry {entry} skipped", decision, opened if redrive else None, json=json)


@app.command
def edit(
    entry: EntryId,
    /,
    *,
    because: Because,
    file: Annotated[
        Path | None, Parameter(help="The corrected event, one JSON object; - is standard input")
    ] = None,
    as_is: Annotated[
        bool, Parameter(negative="", help="Leave the bytes; answer for the event's place")
    ] = False,
    redrive: Redrive = True,
    json: Json = False,
) -> int:
    """Replace an event's bytes; the original is kept, and recognised when it comes again."""
    if (file is None) is not as_is:
        raise Refused("give either --file or --as-is")
    raw = None if file is None else _read(file)
    why = reasoned(because)
    with database() as opened:
        decision = deciding.edit(opened, entry, raw, why)
        return after(f"entry {entry} edited", decision, opened if redrive else None, json=json)


@app.command
def decisions(*, order: OrderId = None, limit: Limit = 50, json: Json = False) -> None:
    """What was decided by hand, by whom and why, newest first."""
    with database() as opened:
        found = rows(opened, "decisions", order_id=order, limit=limit)
    if json:
        show_json(found)
    else:
        columns = ("decided_at", "decided_by", "action", "order_id", "entry_id", "because")
        show_table("Decisions", columns, found)


_TABLES = {
    "waiting_orders": (
        "Orders that wait",
        ("order_id", "state", "entries", "since", "entry_id", "kind", "reason", "detail"),
    ),
    "strays": (
        "Strays, which block nothing",
        ("entry_id", "order_id", "reason", "version", "parked_at", "detail"),
    ),
    "entries": (
        "Entries in redrive order",
        ("entry_id", "kind", "reason", "version", "attempts", "parked_at", "bytes", "detail"),
    ),
}


def reasoned(because: str) -> Reasoned:
    """Who decides and why; raises `Refused` without a reason."""
    if not because.strip():
        raise Refused("--because is empty: say why, for whoever reads it in a year")
    return Reasoned(who=person.name(), because=because.strip())


def after(done: str, decision: Decision, opened: Any, *, json: bool) -> int:
    """Say what was decided, and go on with the order if it can."""
    if decision.head is None:
        show_json({"done": done}) if json else say(done)
        return 0
    if opened is not None and decision.goes_on:
        return go_on(opened, decision.head.order_id, done, json=json)
    head = decision.head
    if json:
        show_json({"done": done, "order_id": head.order_id, "state": str(head.state)})
    else:
        say(f"{done}; order {head.order_id!r} is {head.state}")
    return 0


def _export(file: TextIO, order: str | None, reason: str | None) -> int:
    count = after = 0
    with database() as opened:
        while page := rows(opened, "export", after=after, order_id=order, reason=reason):
            for row in page:
                raw = row.pop("payload")
                shown = row | _payload(raw)
                file.write(msgspec.json.encode(shown).decode() + "\n")
            count += len(page)
            after = page[-1]["entry_id"]
    return count


def _payload(raw: bytes) -> dict[str, str]:
    try:
        return {"payload": raw.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(raw).decode()}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    return file.read_bytes()
