"""`consumer/deliveries.sql`, by hand: markers, and versions of the code that are stopped."""

from tests.simulation.database.statement import Parameters, Rows, Statement
from tests.simulation.database.tables import Values
from tests.simulation.database.transaction import Transaction


def mark(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    row = {
        "code_version": given["code_version"],
        "shard": given["shard"],
        "first": given["first"],
        "last": given["last"],
        "order_id": given["order_id"],
        "sequence_number": given["sequence_number"],
        "sub_sequence_number": given["sub_sequence_number"],
        "marked_at": transaction.now(),
        "deadline": transaction.now() + given["seconds"] * 1_000,
    }
    if not transaction.insert("delivery", given["environment"], row):
        transaction.update("delivery", given["environment"], row)
    return []


def begin(statement: Statement, transaction: Transaction, given: Parameters) -> Rows:
    others = [row for row in transaction.all("delivery") if row[0] != given["environment"]]
    mark(statement, transaction, {**given, "sequence_number": None, "sub_sequence_number": None})
    deploy = transaction.get("deploy", given["code_version"])
    stopped = deploy is not None and deploy["stopped_at"] is not None
    found = [
        (
            *(stopped, environment, row["shard"], row["first"], row["last"], row["order_id"]),
            *(row["sequence_number"], row["sub_sequence_number"], row["marked_at"] / 1_000),
            *(row["deadline"] < transaction.now(), row["code_version"]),
        )
        for environment, row in others
        if row["deadline"] is not None
        and row["marked_at"] >= transaction.started()
        and (row["order_id"] is not None or _overlap(row, given))
    ]
    return found or [(stopped, *(None,) * 10)]


def _overlap(row: Values, given: Parameters) -> bool:
    if row["shard"] != given["shard"] or None in (row["first"], given["first"]):
        return False
    return bool(row["first"] <= given["last"] and row["last"] >= given["first"])


def end(_: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    for environment in parameters["settled"]:
        if environment != parameters["environment"]:
            transaction.delete("delivery", environment)
    mine = transaction.get("delivery", parameters["environment"])
    if mine is not None and mine["deadline"] is not None:
        transaction.update("delivery", parameters["environment"], {"deadline": None})
    return []


def die(_: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    mine = transaction.get("delivery", parameters["environment"])
    if mine is not None and mine["deadline"] is not None:
        transaction.update("delivery", parameters["environment"], {"deadline": transaction.now()})
    return []


def stop(_: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    orders = list(parameters["orders"])
    row = {"failing_orders": orders, "stopped_at": transaction.now()}
    if not transaction.insert("deploy", parameters["version"], row):
        known = transaction.lock("deploy", parameters["version"]) or {}
        at = known.get("stopped_at") or row["stopped_at"]
        transaction.update("deploy", parameters["version"], row | {"stopped_at": at})
    return []
