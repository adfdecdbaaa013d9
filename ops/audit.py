"""`inorder audit`: prove that nothing is lost, doubled or out of order."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from consumer.audit.auditor import Auditor, Scope
from consumer.audit.findings import Audit
from consumer.audit.receipts import Receipt, Whereabouts, check_receipts, read_receipts
from consumer.audit.tables import Tables
from ops.connection import database
from ops.options import Json
from ops.output import progress, say, show_json, show_table

_MOST_SHOWN = 100
_MOST_LISTED = 100_000
"""In JSON, for a script that sends them again; the counts are of all."""


def audit(
    *,
    full: Annotated[
        bool, Parameter(negative="", help="Every order, however old; else what is new and waits")
    ] = False,
    receipts: Annotated[
        Path | None, Parameter(help="Producers' receipts, JSON lines: is anything missing?")
    ] = None,
    drained: Annotated[
        bool, Parameter(negative="", help="The stream was read to its end: nothing is on its way")
    ] = False,
    json: Json = False,
) -> int:
    """Prove from the tables that no order has a gap, a double or an inversion."""
    with database() as opened:
        tables = Tables(opened)
        found = _audit(tables, Scope(full=full))
        most = _MOST_LISTED if json else _MOST_SHOWN
        missing, places = _receipts(tables, receipts, drained=drained, most=most)
    bad = bool(found.faults or missing or not found.finished)
    if json:
        show_json(
            msgspec.to_builtins(found, builtin_types=[found.audited_to.__class__])
            | {"receipts": {str(place): count for place, count in places.items()}}
            | {"missing": [msgspec.to_builtins(receipt) for receipt in missing]}
        )
        return int(bad)
    _show(found)
    if receipts is not None:
        _show_receipts(missing, places)
    return int(bad)


def _audit(tables: Tables, scope: Scope) -> Audit:
    with progress() as bar:
        tasks: dict[str, Any] = {}

        def on_progress(what: str, count: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.advance(tasks[what], count)

        return Auditor(tables, on_progress=on_progress).run(scope)


def _receipts(
    tables: Tables, file: Path | None, *, drained: bool, most: int
) -> tuple[list[Receipt], Counter[Whereabouts]]:
    places: Counter[Whereabouts] = Counter()
    missing: list[Receipt] = []
    if file is None:
        return missing, places
    with file.open("rb") as lines:
        for receipt, place in check_receipts(tables, read_receipts(lines), drained=drained):
            places[place] += 1
            if place is Whereabouts.MISSING and len(missing) < most:
                missing.append(receipt)
    return missing, places


def _show(found: Audit) -> None:
    say(f"{found.rows} new rows and {found.orders} orders looked at")
    say(f"audited to {found.audited_to:%Y-%m-%d %H:%M:%S %Z}, {found.lag_seconds:.1f} s ago")
    if found.faults:
        rows = (msgspec.structs.asdict(fault) for fault in found.faults[:_MOST_SHOWN])
        show_table("Faults", ("order_id", "place", "name", "detail"), rows)
        say(f"{len(found.faults)} faults")
    else:
        say("no order has a gap, a double or an inversion; ledger, heads and lot agree")


def _show_receipts(missing: list[Receipt], places: Counter[Whereabouts]) -> None:
    say("; ".join(f"{count} {place}" for place, count in sorted(places.items())) or "no receipts")
    if missing:
        columns = ("order_id", "event_id", "shard_id", "sequence_number", "sub_sequence_number")
        rows = (msgspec.structs.asdict(receipt) for receipt in missing)
        show_table("Acknowledged and missing", columns, rows)
    elif places:
        say("nothing that was acknowledged is missing")
