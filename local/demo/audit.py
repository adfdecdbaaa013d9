"""Holds the tables against the journal: nothing lost, nothing twice, nothing out of order.

It trusts neither the consumer's counts nor its states: for every event that was acknowledged it
looks for the row, and for every order it checks the rows' sequence.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg

from consumer.orders import Orders, OrderState
from consumer.sql import read_statements
from contract import Event
from local.demo.journal import Identity, Journal, Sent

_SQL = read_statements(Path(__file__).with_name("audit.sql"))
_ORDERS_AT_ONCE = 1_000
_MOST_EXAMPLES = 20

Read = Callable[[Callable[[psycopg.Connection[Any]], Any]], Any]
"""Gives what a function reads through a connection (`local.demo.reading`)."""


class Finding(NamedTuple):
    """A broken promise."""

    order_id: str
    problem: str


class Audit(msgspec.Struct, kw_only=True):
    """What was found. `latencies` are milliseconds from `send` to the row's own time stamp."""

    sent: int = 0
    applied: int = 0
    parked: int = 0
    lost: int = 0
    order_violations: int = 0
    projection_differences: int = 0
    orders: int = 0
    reasons: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = msgspec.field(default_factory=dict)
    latencies: list[float] = msgspec.field(default_factory=list)
    findings: list[Finding] = msgspec.field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return (
            not self.lost
            and not self.order_violations
            and not self.projection_differences
            and self.applied + self.parked == self.sent
        )

    def blame(self, order_id: str, problem: str) -> None:
        if len(self.findings) < _MOST_EXAMPLES:
            self.findings.append(Finding(order_id, problem))


class _Applied(NamedTuple):
    order_id: str
    ordinal: int
    id: UUID
    digest: int
    versioned: bool
    applied_at: datetime
    type: str
    source: str
    time: datetime
    data: str

    @property
    def identity(self) -> Identity:
        return Identity(self.ordinal if self.versioned else self.id, self.digest)


class _Waiting(NamedTuple):
    order_id: str
    id: UUID | None
    version: int | None
    digest: int | None
    kind: str
    reason: str
    detail: str

    @property
    def identity(self) -> tuple[int | UUID | None, int | None]:
        return (self.id if self.version is None else self.version), self.digest


def audit(
    read: Read,
    journal: Journal,
    *,
    clock_offset: float,
    projection: Orders | None,
) -> Audit:
    """Check every order of the journal. `clock_offset` is the database's clock minus ours, in
    seconds; `projection` the shipped one if its table is to be checked too.
    """
    found = Audit()
    for order_ids in _in_groups(journal.orders()):
        rows = partial(_rows, order_ids=order_ids, projection=projection)
        applied, waiting, stored = read(rows)
        for order_id in order_ids:
            sent = [one for one in journal.of(order_id) if one.acknowledged]
            mine = applied.get(order_id, [])
            _check_order(found, order_id, sent, mine, waiting.get(order_id, []))
            _measure(found, sent, mine, clock_offset, since=journal.began)
        if projection is not None:
            _check_projection(found, projection, stored, applied)
    return found


def _rows(
    connection: psycopg.Connection[Any], order_ids: list[str], projection: Orders | None
) -> tuple[dict[str, list[_Applied]], dict[str, list[_Waiting]], Mapping[str, OrderState]]:
    """What ledger, lot and the projection's table have of these orders."""
    parameters = {"order_ids": order_ids}
    with connection.cursor() as cursor:
        applied = _by_order([_Applied(*r) for r in cursor.execute(_SQL["applied"], parameters)])
        waiting = _by_order([_Waiting(*r) for r in cursor.execute(_SQL["waiting"], parameters)])
        stored = {} if projection is None else projection.load(cursor, list(applied))
    return applied, waiting, stored


def _check_order(
    found: Audit,
    order_id: str,
    sent: Sequence[Sent],
    applied: Sequence[_Applied],
    waiting: Sequence[_Waiting],
) -> None:
    found.orders += 1
    found.sent += len(sent)
    place = {one.identity: index for index, one in enumerate(sent)}
    in_ledger = {row.identity for row in applied}
    in_lot = {row.identity: row for row in waiting}
    unapplied: list[tuple[int, _Waiting]] = []
    for index, one in enumerate(sent):
        if one.identity in in_ledger:
            found.applied += 1
        elif (row := in_lot.get(one.identity)) is not None:
            found.parked += 1
            found.reasons[row.kind, row.reason] += 1
            found.examples.setdefault((row.kind, row.reason), row.detail)
            unapplied.append((index, row))
        else:
            found.lost += 1
            found.blame(order_id, f"event {one.identity.name} is neither applied nor parked")
    for problem in _disorder(place, applied, unapplied):
        found.order_violations += 1
        found.blame(order_id, problem)


def _disorder(
    place: dict[Identity, int],
    applied: Sequence[_Applied],
    unapplied: Sequence[tuple[int, _Waiting]],
) -> Iterator[str]:
    """The ledger has no double and no hole; without versions it follows the order of sending; and
    nothing that was sent after an event that waits for a decision was applied.
    """
    if len({row.identity for row in applied}) < len(applied):
        yield "an event was applied twice"
    holes = [row.ordinal for at, row in enumerate(applied, start=1) if row.ordinal != at]
    if holes:
        yield f"the ledger jumps to {holes[0]}"
    places = [place[row.identity] for row in applied if row.identity in place]
    versioned = bool(applied) and applied[0].versioned
    if not versioned and places != sorted(places):
        yield "events were applied in another order than they were sent"
    blocked_at = min((index for index, row in unapplied if row.kind == "blocker"), default=None)
    if blocked_at is not None and places and max(places) > blocked_at:
        yield f"something sent after the blocked event number {blocked_at + 1} was applied"


def _measure(
    found: Audit,
    sent: Sequence[Sent],
    applied: Sequence[_Applied],
    clock_offset: float,
    *,
    since: float,
) -> None:
    """Send to commit, of what this run applied: an earlier one may have left rows in a database."""
    at = {row.identity: row.applied_at.timestamp() - clock_offset for row in applied}
    found.latencies.extend(
        (at[one.identity] - one.at) * 1_000 for one in sent if at.get(one.identity, 0.0) >= since
    )


def _check_projection(
    found: Audit,
    projection: Orders,
    stored: Mapping[str, OrderState],
    applied: dict[str, list[_Applied]],
) -> None:
    """Every row of `orders` is what its order's events give when they are replayed."""
    for order_id, rows in applied.items():
        replayed: OrderState | None = None
        for row in rows:
            replayed = projection.apply(replayed, _event(row))
        if stored.get(order_id) != replayed:
            found.projection_differences += 1
            found.blame(order_id, f"orders has {stored.get(order_id)}, a replay gives {replayed}")


def _event(row: _Applied) -> Event:
    return Event(
        id=row.id,
        source=row.source,
        type=row.type,
        order_id=row.order_id,
        time=row.time,
        data=msgspec.json.decode(row.data),
        version=row.ordinal if row.versioned else None,
    )


def _in_groups(order_ids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(order_ids)
    while group := list(islice(rest, _ORDERS_AT_ONCE)):
        yield group


def _by_order(rows: Iterable[Any]) -> dict[str, list[Any]]:
    orders: dict[str, list[Any]] = {}
    for row in rows:
        orders.setdefault(row.order_id, []).append(row)
    return orders
