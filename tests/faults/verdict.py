"""The end of every scenario: the tables hold what they would hold had nothing failed.

Three judges, who share little code: the demo's audit against the journal of what was sent, the
auditor, which sees only the tables, and a replay of the same events in memory without any fault.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from consumer.arrivals import read_batch
from consumer.audit.auditor import Auditor, Scope
from consumer.audit.findings import Fault
from consumer.audit.tables import Tables as AuditedTables
from consumer.database import Database
from consumer.lanes import lanes
from consumer.order import Reason
from consumer.orders import Orders, OrderState
from consumer.settings import Settings
from consumer.transaction import Transaction
from contract import Event
from local.demo.audit import Audit, audit
from local.demo.reading import Reader
from tests.consuming.batches import batch_of
from tests.consuming.memory import MemoryDatabase
from tests.consuming.tables import Tables, read_tables
from tests.faults.load import Load


class OrdersInMemory(Orders):
    """The shipped projection where the cursor is a dictionary."""

    def load(
        self, cursor: dict[str, OrderState], order_ids: Sequence[str]
    ) -> dict[str, OrderState]:
        return {order_id: cursor[order_id] for order_id in order_ids if order_id in cursor}

    def save(self, cursor: dict[str, OrderState], states: Mapping[str, OrderState]) -> None:
        cursor.update(states)


def check(load: Load, database_url: str, *, least: int = 500) -> None:
    """Every promise kept, of at least so many events; AssertionError says what was broken."""
    found, tables = _read(load, database_url)
    assert found.clean, found.findings
    assert found.sent == load.journal.acknowledged == load.journal.sent >= least
    assert _differences(_by_order(tables), undisturbed(load.sent)) == {}
    assert _audited(database_url) == ()


def check_overtaken(load: Load, database_url: str) -> None:
    """The same where the mapping itself delivered out of order: that does not show with versions.
    Without, what comes too late is parked for having been overtaken, and nothing is lost.
    """
    found, tables = _read(load, database_url)
    assert not found.lost, found.findings
    assert found.applied + found.parked == found.sent == load.journal.acknowledged
    there, expected = _by_order(tables), undisturbed(load.sent)
    late = {
        order_id
        for order_id, entries in tables.lot.items()
        if any(entry.reason == Reason.OVERTAKEN for entry in entries)
    }
    assert not any(tables.heads[order_id][0] for order_id in late), "it had versions"
    assert _differences(there, expected, but=late) == {}
    assert _audited(database_url) == ()


def _read(load: Load, database_url: str) -> tuple[Audit, Tables]:
    with Reader(database_url) as read:
        found = audit(read, load.journal, clock_offset=0.0, projection=Orders())
        return found, read(read_tables)


def _audited(database_url: str) -> tuple[Fault, ...]:
    database = Database(Settings(database_url=database_url))
    database.open()
    try:
        audited = Auditor(AuditedTables(database)).run(Scope(full=True))
    finally:
        database.close()
    assert audited.finished
    return audited.faults


def undisturbed(sent: Iterable[Event]) -> dict[str, Any]:
    """By order: head, ledger and lot after these events in this order, without any fault."""
    memory = MemoryDatabase()
    records = read_batch(batch_of(sent))
    Transaction(memory, OrdersInMemory()).run(lanes(records), drain=10_000)
    return _by_order(memory.tables())


def _by_order(tables: Tables) -> dict[str, Any]:
    return {
        order_id: (
            head,
            [(row.ordinal, row.id, row.digest) for row in tables.ledger.get(order_id, ())],
            [(e.rank, e.kind, e.reason, e.payload) for e in tables.lot.get(order_id, ())],
        )
        for order_id, head in tables.heads.items()
    } | {"": [entry.payload for entry in tables.lot.get(None, ())]}


def _differences(
    there: dict[str, Any], expected: dict[str, Any], but: Collection[str | None] = ()
) -> dict[str, Any]:
    """What is different, as (there, expected): at most three orders, or nobody would read it."""
    different = [o for o in there | expected if there.get(o) != expected.get(o) and o not in but]
    return {o: (there.get(o), expected.get(o)) for o in different[:3]}
