"""`consumer/queries.sql`, by hand: what a batch's transaction reads and writes."""

from typing import Any

from psycopg import errors

from tests.simulation.database.statement import Parameters, Rows, Statement, stored
from tests.simulation.database.tables import Values
from tests.simulation.database.transaction import Transaction

_NEW_HEAD = {
    "versioned": None,
    "ordinal": 0,
    "sequence_number": None,
    "sub_sequence_number": None,
    "state": "open",
    "ledger_from": 1,
    "decided": False,
}
_NEW_ENTRY = {"attempts": 0}


def connection_state(_: Statement, transaction: Transaction, __: Parameters) -> Rows:
    return [("on", transaction.read_only)]


def add_heads(statement: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    for order_id in parameters["order_ids"]:
        added = transaction.insert("head", order_id, {"order_id": order_id, **_NEW_HEAD})
        _unless_new(statement, added=added)
    return []


def lock_heads(statement: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    locks = statement.says("for no key update") or statement.says("for update")
    read = transaction.lock if locks else transaction.get
    heads = [read("head", order_id) for order_id in parameters["order_ids"]]
    return [tuple(head[name] for name in statement.selected) for head in heads if head is not None]


def facts_in_ledger(_: Statement, transaction: Transaction, asked: Parameters) -> Rows:
    found: Rows = []
    for order_id, id_ in zip(asked["id_orders"], asked["ids"], strict=True):
        place = transaction.get("ledger_by_id", (order_id, id_))
        if place is not None:
            found.append(_fact(transaction.get("ledger", place["key"])))
    for order_id, version in zip(asked["version_orders"], asked["versions"], strict=True):
        row = transaction.get("ledger", (order_id, version))
        if row is not None:
            found.append(_fact(row))
    return found


def _fact(row: Values | None) -> tuple[Any, ...]:
    row = row or {}
    return row["order_id"], row["id"], row["ordinal"], row["digest"]


def facts_in_lot(statement: Statement, transaction: Transaction, asked: Parameters) -> Rows:
    found: Rows = []
    for order_id, id_ in zip(asked["id_orders"], asked["ids"], strict=True):
        found += [_entry(row) for row in lot_of(transaction, order_id) if row["id"] == id_]
    ranked = statement.says("lot.rank = asked.version")
    for order_id, version in zip(asked["version_orders"], asked["versions"], strict=True):
        found += [
            _entry(row)
            for row in lot_of(transaction, order_id)
            if row["version"] == version and (not ranked or row["rank"] == version)
        ]
    places = zip(
        asked["position_orders"],
        asked["sequence_numbers"],
        asked["sub_sequence_numbers"],
        strict=True,
    )
    for order_id, sequence_number, sub_sequence_number in places:
        place = sequence_number, sub_sequence_number
        found += [
            (order_id, None, None, None, *place)
            for row in lot_of(transaction, order_id)
            if (row["sequence_number"], row["sub_sequence_number"]) == place
        ]
    return found


def _entry(row: Values) -> tuple[Any, ...]:
    names = ("order_id", "id", "version", "digest", "sequence_number", "sub_sequence_number")
    return tuple(row[name] for name in names)


def lot_of(transaction: Transaction, order_id: str | None) -> list[Values]:
    return [row for _, row in transaction.group("lot", order_id)]


def settled(_: Statement, transaction: Transaction, asked: Parameters) -> Rows:
    rows = (transaction.get("decision", order_id) for order_id in asked["order_ids"])
    decided = (one for row in rows if row is not None for one in row["all"])
    return [_entry(one) for one in decided if one["action"] in ("skip", "edit")]


def waiting(statement: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    found: Rows = []
    backwards = statement.says("order by lot.rank desc")
    for order_id in parameters["order_ids"]:
        rows = lot_of(transaction, order_id)
        blocked = any(row["kind"] == "blocker" for row in rows)
        left = [row for row in rows if row["kind"] != "stray"]
        last_rank = max((row["rank"] for row in left), default=None)
        left.sort(key=lambda row: (row["rank"], row["entry_id"]), reverse=backwards)
        first = [] if blocked else left[: parameters["limit"]]
        whole = {"blocked": blocked, "last_rank": last_rank, "found": len(first) or None}
        kept = _within(first, parameters.get("bytes")) or [{}]
        for row in kept:
            known = {**row, **whole, "order_id": order_id}
            found.append(tuple(known.get(name) for name in statement.selected))
    return found


def _within(rows: list[Values], most: int | None) -> list[Values]:
    """Two rows at least, and more as long as those before them have not enough bytes."""
    kept: list[Values] = []
    size = 0
    for row in rows:
        if len(kept) >= 2 and most is not None and size >= most:
            break
        size += len(row["payload"])
        kept.append(row)
    return kept


def advance(statement: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    for row in statement.rows(parameters, 0):
        key = row["order_id"], row["ordinal"]
        added = transaction.insert("ledger", key, row)
        by_id = (row["order_id"], row["id"])
        if not (added and transaction.insert("ledger_by_id", by_id, {"key": key})):
            raise errors.UniqueViolation("duplicate key value violates unique constraint: ledger")
    names = [column for _, column in statement.inserted_into("inorder.head")]
    arrays = [parameters[name] for name, _ in statement.inserted_into("inorder.head")]
    for values in zip(*arrays, strict=True):
        head = stored(dict(zip(names, values, strict=True)))
        if not transaction.insert("head", head["order_id"], _NEW_HEAD | head):
            transaction.update("head", head["order_id"], head)
    _advance_beside(transaction, parameters)
    return []


def _advance_beside(transaction: Transaction, parameters: Parameters) -> None:
    """The statement's other parts, which see what was there before it."""
    version = parameters["succeeded"]
    if version is not None:
        transaction.delete("deploy", version)
    if parameters["ended"] is not None:
        transaction.update("delivery", parameters["ended"], {"deadline": None})


def count_failing(_: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    version, orders = parameters["version"], list(dict.fromkeys(parameters["orders"]))
    row = {"failing_orders": orders, "stopped_at": None}
    if not transaction.insert("deploy", version, row):
        known = transaction.lock("deploy", version) or row
        orders = list(dict.fromkeys([*known["failing_orders"], *orders]))
        transaction.update("deploy", version, {"failing_orders": orders})
        row = known
    return [(orders, row["stopped_at"] is not None)]


def park(statement: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    version = {"code_version": parameters["code_version"]}
    rows = [row | version for row in statement.rows(parameters)]
    for row in rows if statement.says("order by place") else rows[::-1]:
        entry_id = transaction.serial("entry_id")
        place = row["order_id"], row["sequence_number"], row["sub_sequence_number"]
        if row["order_id"] is None and _skipped_stray(transaction, place[1:]):
            continue
        added = transaction.insert("lot_by_place", place, {"key": entry_id})
        _unless_new(statement, added=added)
        if added:
            transaction.insert("lot", entry_id, row | _NEW_ENTRY | {"entry_id": entry_id})
    return []


def _skipped_stray(transaction: Transaction, place: tuple[Any, ...]) -> bool:
    decided = transaction.get("decision", None)
    return decided is not None and any(
        (one["sequence_number"], one["sub_sequence_number"]) == place for one in decided["all"]
    )


def unpark(_: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    for entry_id in parameters["entry_ids"]:
        row = transaction.delete("lot", entry_id)
        if row is not None:
            place = row["order_id"], row["sequence_number"], row["sub_sequence_number"]
            transaction.delete("lot_by_place", place)
    return []


def refuse(statement: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    for row in statement.rows(parameters):
        changes = {"kind": "blocker", "reason": row["reason"], "detail": row["detail"]}
        changes["code_version"] = parameters["code_version"]
        transaction.update("lot", row["entry_id"], changes)
    return []


def _unless_new(statement: Statement, *, added: bool) -> None:
    if not added and not statement.says("on conflict do nothing"):
        raise errors.UniqueViolation("duplicate key value violates unique constraint")
