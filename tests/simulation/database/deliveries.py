"""`consumer/deliveries.sql`, by hand: markers, and versions of the code that are stopped."""

from tests.simulation.database.statement import Parameters, Rows, Statement
from tests.simulation.database.tables import Values
from tests.simulation.database.transaction import Transaction


def begin(statement: Statement, transaction: Transaction, given: Parameters) -> Rows:
    others = [row for row in transaction.all("delivery") if row[0] != given["environment"]]
    row = {name: given[name] for name in ("shard", "first", "last", "order_id")}
    row["marked_at"] = transaction.now()
    row["deadline"] = transaction.now() + given["seconds"] * 1_000
    if not transaction.insert("delivery", given["environment"], row):
        transaction.update("delivery", given["environment"], row)
    return [
        (
            *(environment, other["shard"], other["first"], other["last"], other["order_id"]),
            other["deadline"] < transaction.now(),
        )
        for environment, other in others
        if other["deadline"] is not None
        and other["marked_at"] >= transaction.started()
        and _meet(other, given)
    ]


def _meet(other: Values, given: Parameters) -> bool:
    if given["order_id"] is not None:
        return bool(other["order_id"] == given["order_id"])
    if other["shard"] != given["shard"] or None in (other["first"], given["first"]):
        return False
    return bool(other["first"] <= given["last"] and other["last"] >= given["first"])


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
