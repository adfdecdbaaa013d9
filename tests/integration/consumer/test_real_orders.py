"""The Olist file through the handler is what a plain replay of the file in its order gives."""

import gzip
from collections import Counter

import msgspec
import pytest

from consumer.orders import Orders, OrderState
from consumer.projection import Rejected
from contract import parse_event
from tests.consuming.batches import batch_of
from tests.consuming.invoking import FINISHED, environment
from tests.consuming.tables import read_tables


@pytest.fixture(scope="session")
def events(olist):
    with gzip.open(olist) as lines:
        return [parse_event(line) for line in lines]


def replay(events):
    """Order by order, event by event, no database: states, and the orders that were refused."""
    projection, states, refused = Orders(), {}, set()
    for event in events:
        if event.order_id in refused:
            continue
        try:
            states[event.order_id] = projection.apply(states.get(event.order_id), event)
        except Rejected:
            refused.add(event.order_id)
    return states, refused


def test_real_orders_come_out_as_a_plain_replay_has_them(events, database_url, sql):
    states, refused = replay(events)
    with environment(database_url, PROJECTION="consumer.orders:Orders") as invoke:
        for start in range(0, len(events), 5_000):
            sent = batch_of(events[start : start + 5_000], start=start + 1)
            assert invoke(sent) == FINISHED
            if start == 10_000:  # a batch that comes again, and half of one
                assert invoke(sent) == FINISHED
                assert invoke(batch_of(events[start : start + 2_500], start=start + 1)) == FINISHED
    names = list(OrderState.__struct_fields__)
    columns = ", ".join(f"orders.{name}" for name in names)
    rows = sql.execute(f"select {columns}, status from orders").fetchall()
    found = {row[names.index("order_id")]: row for row in rows}
    assert found.keys() == states.keys()
    for order_id, state in states.items():
        assert found[order_id] == (*msgspec.structs.astuple(state), state.status)
    tables = read_tables(sql)
    applied = sum(len(rows) for rows in tables.ledger.values())
    parked = sum(len(entries) for entries in tables.lot.values())
    assert applied + parked == len(events)
    assert tables.lot.keys() == refused
    counted = Counter(event.order_id for event in events)
    assert all(
        len(tables.ledger.get(o, ())) + len(tables.lot.get(o, ())) == counted[o] for o in counted
    )
