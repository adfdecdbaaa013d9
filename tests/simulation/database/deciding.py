"""The statements of `ops/queries.sql` that carry out a decision, by hand."""

from tests.simulation.database import live
from tests.simulation.database.statement import Parameters, Rows, Statement
from tests.simulation.database.transaction import Transaction


def order_of_entry(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    row = transaction.get("lot", given["entry_id"])
    return [] if row is None else [(row["order_id"],)]


def read_entry(statement: Statement, transaction: Transaction, given: Parameters) -> Rows:
    row = transaction.lock("lot", given["entry_id"])
    return [] if row is None else [tuple(row[name] for name in statement.selected)]


def situation(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    rows = live.lot_of(transaction, given["order_id"])
    waiting = [row for row in rows if row["kind"] != "stray"]
    ahead = [r["version"] for r in waiting if r["version"] and r["version"] > given["ordinal"]]
    claimed = any(
        row["version"] == given["version"] and row["entry_id"] != given["entry_id"]
        for row in waiting
        if row["version"] is not None
    )
    blockers = sum(row["kind"] == "blocker" for row in rows)
    return [(blockers, min(ahead, default=None), claimed)]


def pass_over(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    for ordinal in given["ordinals"]:
        row = {
            "order_id": given["order_id"],
            "ordinal": ordinal,
            "id": None,
            "digest": None,
            "sequence_number": given["sequence_number"],
            "sub_sequence_number": given["sub_sequence_number"],
            "skipped_because": given["because"],
            "data": None,
        }
        transaction.insert("ledger", (given["order_id"], ordinal), row)
    return []


def move_head(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    head = transaction.lock("head", given["order_id"]) or {}
    changes = {name: given[name] for name in ("versioned", "ordinal", "state")}
    changes["decided"] = head["decided"] or given["decided"]
    transaction.update("head", given["order_id"], changes)
    return []


def remove(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    return live.unpark(_, transaction, {"entry_ids": [given["entry_id"]]})


def replace(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    transaction.update("lot", given["entry_id"], {**given, "attempts": 0})
    return []


def record(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    order_id = given["order_id"]
    known = transaction.get("decision", order_id) or {"all": []}
    row = {"all": [*known["all"], dict(given)]}
    if not transaction.insert("decision", order_id, row):
        transaction.update("decision", order_id, row)
    return []
