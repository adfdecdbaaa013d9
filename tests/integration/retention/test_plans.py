"""Pruning reads the blocks it is about and nothing else, analysed or not."""

from pathlib import Path

import pytest

from consumer import retention
from consumer.sql import read_statements

SQL = read_statements(Path(retention.__file__).with_name("queries.sql"))

FILL = """
    insert into inorder.head (order_id, versioned, ordinal)
    select 'order-' || n, true, 4 from generate_series(1, 20000) n;
    insert into inorder.ledger (order_id, ordinal, id, digest, type, data)
    select 'order-' || n, v, gen_random_uuid(), n, 'note', '{}'
    from generate_series(1, 4) v, generate_series(1, 20000) n;
"""


@pytest.fixture(params=["analysed", "never analysed"])
def filled(request, sql):
    for table in ("inorder.head", "inorder.ledger"):
        sql.execute(f"alter table {table} set (autovacuum_enabled = false)")
    sql.execute(FILL)
    if request.param == "analysed":
        sql.execute("analyze inorder.head, inorder.ledger")
    return sql


def nodes(plan):
    yield plan["Node Type"], plan.get("Relation Name")
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def explained(sql, statement, **parameters):
    (found,) = sql.execute("explain (format json) " + SQL[statement], parameters).fetchone()
    return set(nodes(found[0]["Plan"]))


def test_no_statement_reads_a_table_through(filled):
    (now,) = filled.execute("select clock_timestamp()").fetchone()
    orders = [f"order-{n}" for n in range(1, 1_000)]
    ones, fours = [1] * len(orders), [4] * len(orders)
    found = explained(filled, "find", **{"from": 128, "to": 256, "before": now})
    assert ("Tid Range Scan", "ledger") in found
    found |= explained(filled, "lock", order_ids=orders)
    removed = explained(filled, "remove", order_ids=orders, firsts=ones, lasts=fours)
    assert ("Tid Scan", "ledger") in removed
    scans = {node for node in found | removed if node[1] in ("ledger", "head")}
    assert not [node for node in scans if node[0] in ("Seq Scan", "Bitmap Heap Scan")]
