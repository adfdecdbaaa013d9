"""What each of the consumer's statements does to tables: SQL's meaning, by hand.

A statement is known by its name in `queries.sql`. Columns and parameters are read from its text,
and so are the words that make it safe (`for no key update`, `on conflict do nothing`, `order by`):
take them out of the SQL, and this does what PostgreSQL would then do. That both do the same is what
tests/conformance/database is for.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from psycopg import errors

import consumer
from consumer.sql import read_statements
from tests.simulation.database.tables import Values
from tests.simulation.database.transaction import Transaction

Parameters: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = list[tuple[Any, ...]]
Run: TypeAlias = Callable[["Statement", Transaction, Parameters], Rows]

_UNNEST = re.compile(r"unnest\((.*?)\)(?: with ordinality)? as \w+ \(([^)]*)\)")
_PARAMETER = re.compile(r"%\((\w+)\)")
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


class Statement:
    """One statement's text, taken apart once."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = " ".join(text.split())
        self.unnested = [
            list(zip(_PARAMETER.findall(values), columns.replace(" ", "").split(","), strict=False))
            for values, columns in _UNNEST.findall(self.text)
        ]
        self.selected = [
            column.split(".")[-1].split(" ")[-1]
            for column in _between(self.text, "select ", " from ").split(", ")
        ]

    def rows(self, parameters: Parameters, nth: int = 0) -> Iterator[Values]:
        """The rows that the nth `unnest` makes of its arrays."""
        columns = [column for _, column in self.unnested[nth]]
        arrays = [parameters[name] for name, _ in self.unnested[nth]]
        for values in zip(*arrays, strict=True):
            yield dict(zip(columns, values, strict=True))

    def says(self, words: str) -> bool:
        return words in self.text


def _between(text: str, begin: str, end: str) -> str:
    return text.partition(begin)[2].partition(end)[0]


# ------------------------------------------------------------------------------- the statements


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
        found += [_entry(row) for row in _lot(transaction, order_id) if row["id"] == id_]
    ranked = statement.says("lot.rank = asked.version")
    for order_id, version in zip(asked["version_orders"], asked["versions"], strict=True):
        found += [
            _entry(row)
            for row in _lot(transaction, order_id)
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
            for row in _lot(transaction, order_id)
            if (row["sequence_number"], row["sub_sequence_number"]) == place
        ]
    return found


def _entry(row: Values) -> tuple[Any, ...]:
    names = ("order_id", "id", "version", "digest", "sequence_number", "sub_sequence_number")
    return tuple(row[name] for name in names)


def _lot(transaction: Transaction, order_id: str | None) -> list[Values]:
    return [row for _, row in transaction.group("lot", order_id)]


def settled(_: Statement, transaction: Transaction, asked: Parameters) -> Rows:
    rows = (transaction.get("decision", order_id) for order_id in asked["order_ids"])
    return [_entry(one) for row in rows if row is not None for one in row["all"]]


def waiting(statement: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    found: Rows = []
    backwards = statement.says("order by lot.rank desc")
    for order_id in parameters["order_ids"]:
        rows = _lot(transaction, order_id)
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
    names = [column for _, column in _heads_of(statement)]
    arrays = [parameters[name] for name, _ in _heads_of(statement)]
    for values in zip(*arrays, strict=True):
        head = dict(zip(names, values, strict=True))
        if not transaction.insert("head", head["order_id"], _NEW_HEAD | head):
            transaction.update("head", head["order_id"], head)
    _advance_beside(transaction, parameters)
    return []


def _advance_beside(transaction: Transaction, parameters: Parameters) -> None:
    """The statement's other parts, which see what was there before it."""
    version = parameters["succeeded"]
    deploy = None if version is None else transaction.delete("deploy", version)
    if deploy is not None and deploy["stopped_at"] is not None:
        for environment, row in transaction.all("delivery"):
            dead = row["deadline"] is not None and row["deadline"] < transaction.now()
            if row["code_version"] == version and dead:
                transaction.delete("delivery", environment)
    if parameters["ended"] is not None:
        transaction.update("delivery", parameters["ended"], {"deadline": None})
    for environment in parameters["forgotten"]:
        transaction.delete("delivery", environment)


def count_failing(_: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    version, orders = parameters["version"], list(dict.fromkeys(parameters["orders"]))
    row = {"failing_orders": orders, "stopped_at": None}
    if not transaction.insert("deploy", version, row):
        known = transaction.lock("deploy", version) or row
        orders = list(dict.fromkeys([*known["failing_orders"], *orders]))
        transaction.update("deploy", version, {"failing_orders": orders})
        row = known
    return [(orders, row["stopped_at"] is not None)]


def _heads_of(statement: Statement) -> list[tuple[str, str]]:
    """The head's arrays have no alias; their columns are those of the insert."""
    text = statement.text.partition("insert into inorder.head")[2]
    columns = _between(text, "(", ")").split(", ")
    arrays = _PARAMETER.findall(text.partition("unnest(")[2])
    return list(zip(arrays, columns, strict=True))


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


# ------------------------------------------------------------------------------- deliveries.sql


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


# ------------------------------------------------------------------------------ redrive's queries


def lock_head(statement: Statement, transaction: Transaction, parameters: Parameters) -> Rows:
    return lock_heads(statement, transaction, {"order_ids": [parameters["order_id"]]})


def _in_line(transaction: Transaction, order_id: str, *, backwards: bool = False) -> list[Values]:
    rows = [row for row in _lot(transaction, order_id) if row["kind"] != "stray"]
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
    rows = _lot(transaction, given["order_id"])
    left = [row["kind"] for row in rows if (row["rank"], row["entry_id"]) > place]
    return [(any(kind != "stray" for kind in left), "blocker" in left)]


def facts(_: Statement, transaction: Transaction, given: Parameters) -> Rows:
    order_id = given["order_id"]
    asked = {
        "id_orders": [order_id] * len(given["ids"]), "ids": given["ids"],
        "version_orders": [order_id] * len(given["versions"]), "versions": given["versions"],
    }
    found = [row[1:] for row in facts_in_ledger(_, transaction, asked)]
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


def _unless_new(statement: Statement, *, added: bool) -> None:
    if not added and not statement.says("on conflict do nothing"):
        raise errors.UniqueViolation("duplicate key value violates unique constraint")


_FILES: dict[str, dict[str, Run]] = {
    "queries.sql": {
        "connection_state": connection_state,
        "add_heads": add_heads,
        "lock_heads": lock_heads,
        "facts_in_ledger": facts_in_ledger,
        "facts_in_lot": facts_in_lot,
        "settled": settled,
        "waiting": waiting,
        "count_failing": count_failing,
        "advance": advance,
        "park": park,
        "unpark": unpark,
        "refuse": refuse,
    },
    "deliveries.sql": {"mark": mark, "begin": begin, "end": end, "die": die, "stop": stop},
    "redrive/queries.sql": {
        "lock_head": lock_head,
        "first_entries": first_entries,
        "first_position": first_position,
        "behind": behind,
        "facts": facts,
        "highest_applied": highest_applied,
        "count_attempt": count_attempt,
        "announce": announce,
        "move": move,
        "parked_orders": parked_orders,
    },
}

Catalogue: TypeAlias = dict[str, tuple[Run, Statement]]
"""By a statement's text, how to run it."""


class UnknownStatement(AssertionError):
    """The imagined PostgreSQL was not told what this means; see `statements`."""


def catalogue() -> Catalogue:
    """The statements of the consumer's `.sql` files."""
    folder = Path(consumer.__file__).parent
    return {
        variant: (known[name], Statement(name, variant))
        for file, known in _FILES.items()
        for name, text in read_statements(folder / file).items()
        if name in known
        for variant in (text, text.replace(" for no key update", ""))
    }
