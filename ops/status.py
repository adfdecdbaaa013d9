"""`inorder status`: what waits, and since when."""

from typing import Any

from ops.connection import database, rows
from ops.options import Json
from ops.output import say, show_json, show_table


def status(*, json: Json = False) -> None:
    """What waits in the parking lot, and since when."""
    with database() as opened:
        orders = {row["state"]: row["count"] for row in rows(opened, "counts_of_orders")}
        entries: list[dict[str, Any]] = rows(opened, "counts_of_entries")
        ((last_applied,),) = (row.values() for row in rows(opened, "last_applied"))
        (retention,) = rows(opened, "retention")
    found = {
        "orders_parked": orders.get("parked", 0),
        "orders_in_gap": orders.get("gap", 0),
        "events_waiting": sum(row["entries"] for row in entries),
        "last_applied_within_the_hour": last_applied,
        "ledger": retention,
        "entries": entries,
    }
    if json:
        show_json(found)
        return
    say(f"{found['orders_parked']} orders parked, {found['orders_in_gap']} in a gap")
    at = "nothing in the last hour" if last_applied is None else f"{last_applied:%H:%M:%S %Z}"
    say(f"last event applied: {at}")
    say(_ledger(retention))
    if entries:
        columns = ("kind", "reason", "entries", "orders", "since")
        show_table("Parking lot", columns, entries)
    else:
        say("the parking lot is empty")


def _ledger(known: dict[str, Any]) -> str:
    """How long the ledger remembers, in a line."""
    size = f"ledger: {known['megabytes']:,} MB, "
    if known["keep_days"] is None:
        return f"{size}kept for ever"
    kept = f"{size}kept for {known['keep_days']:g} days, {known['rows_pruned']:,} rows pruned"
    if known["pruned_to"] is None:
        return f"{kept}, the first pass is under way"
    return (
        f"{kept}, the last whole pass removed what was before {known['pruned_to']:%Y-%m-%d %H:%M}"
    )
