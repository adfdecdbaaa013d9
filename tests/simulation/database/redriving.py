"""`consumer/redrive/queries.sql`, by hand."""

from tests.simulation.database import live
from tests.simulation.database.statement import Parameters, Rows, Statement
from tests.simulation.database.tables import Values
from tests.simulation.database.transaction import Transaction


def lock_head(statement: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    return live.lock_heads(statement, transaction, {"order_ids": [parameters["order_id"]]})


def _in_line(transaction: Transaction, order_id: str, *, backwards: bool = False) -> list[Values]:
    rows = [row for row in live.lot_of(transaction, order_id) if row["kind"] != "stray"]
    return sorted(rows, key=lambda row: (row["rank"], row["entry_id"]), reverse=backwards)


def first_entries(statement: Statement, transaction: Transaction, given: Parameters) -> Rows:
    backwards = statement.says("order by lot.rank desc")
    found: Rows = []
    size = 0
    for row in _in_line(transaction, given["order_id"], backwards=backwards)[: given["entries"]]:
        if size >= given["bytes"]:
            break
        size += len(row["payload"])
        found.append(tuple(row[name] for name in statement.selected))
    return found


def behind(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    place = given["rank"], given["entry_id"]
    rows = live.lot_of(transaction, given["order_id"])
    left = [row["kind"] for row in rows if (row["rank"], row["entry_id"]) > place]
    return [(any(kind != "stray" for kind in left), "blocker" in left)]


def facts(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    order_id = given["order_id"]
    asked = {
        "id_orders": [order_id] * len(given["ids"]),
        "ids": given["ids"],
        "version_orders": [order_id] * len(given["versions"]),
        "versions": given["versions"],
    }
    found = [row[1:] for row in live.facts_in_ledger(_, transaction, asked)]
    return list(dict.fromkeys(found))


def highest_applied(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    rows = (row for _, row in transaction.group("ledger", given["order_id"]))
    places = [(row["sequence_number"], row["sub_sequence_number"]) for row in rows]
    return [max(places)] if places else []


def count_attempt(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    row = transaction.lock("lot", given["entry_id"])
    if row is not None and given["before"] != "killer":
        transaction.update("lot", given["entry_id"], {"attempts": row["attempts"] + 1})
    return []


def announce(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    for row in _in_line(transaction, given["order_id"])[:1]:
        if row["reason"] == "killer":
            changes = {"attempts": row["attempts"] + 1, "code_version": given["code_version"]}
            transaction.update("lot", row["entry_id"], changes)
            return [(row["entry_id"],)]
    return []


def first_position(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    names = ("sequence_number", "sub_sequence_number")
    rows = _in_line(transaction, given["order_id"])[:1]
    return [tuple(row[name] for name in names) for row in rows]


def move(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    transaction.update("lot", given["entry_id"], dict(given))
    return []


def parked_orders(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    found: Rows = []
    for order_id, head in sorted(transaction.all("head")):
        if head["state"] != "parked" or order_id <= given["after"]:
            continue
        blockers = [row for row in _in_line(transaction, order_id) if row["kind"] == "blocker"]
        reasons = [row["reason"] for row in blockers]
        wanted = {
            "outdated": bool(blockers)
            and reasons[0] in ("failed", "data_error", "unknown_type", "killer")
            and blockers[0]["code_version"] != given["code_version"],
            "reason": given["reason"] in reasons,
            "drainable": not reasons,
            "all": "killer" not in reasons,
        }
        if wanted[given["which"]]:
            found.append((order_id,))
    return found[: given["limit"]]
