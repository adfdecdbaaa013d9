"""A projection that fails for everything stops the stream instead of parking everybody."""

import json
import threading
from contextlib import contextmanager

import msgspec
import pytest

from contract import encode_event
from local.mapping.undocumented import Undocumented
from tests.consuming.batches import batch
from tests.consuming.delivering import AS_DEPLOYED, Delivering
from tests.consuming.events import make_event
from tests.consuming.waiting import until

ORDERS = [f"order-{n:02d}" for n in range(25)]
PER_ORDER = 4
BROKEN = "tests.consuming.deadly:Broken"
OFTEN = Undocumented(backoff_first=20, backoff_most=100)


def records():
    return [
        (order_id, encode_event(make_event(version, order_id=order_id)))
        for version in range(1, PER_ORDER + 1)
        for order_id in ORDERS
    ]


@pytest.fixture
def broken(tmp_path):
    """The switch that breaks the projection."""
    return tmp_path / "broken"


@contextmanager
def delivered_until_done(delivering):
    """Deliver in another thread while the block runs, then wait until all is finished."""
    failed = []

    def run():
        try:
            delivering.run(seconds=90)
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(100)
    assert not failed, failed


def blockers(sql):
    return sql.execute(
        "select order_id, reason, code_version from inorder.parking_lot where kind = 'blocker'"
    ).fetchall()


def stopped(sql):
    return sql.execute("select version from inorder.deploy where stopped_at is not null").fetchall()


def check_flows(sql):
    """Everything but what the few parked orders hold is applied."""
    parked = {order_id for order_id, *_ in blockers(sql)}
    heads = dict(sql.execute("select order_id, ordinal from inorder.head").fetchall())
    assert {o: n for o, n in heads.items() if o not in parked} == {
        o: PER_ORDER for o in ORDERS if o not in parked
    }
    waiting = sql.execute("select count(*) from inorder.parking_lot").fetchone()[0]
    applied = sql.execute("select count(*) from inorder.ledger").fetchone()[0]
    assert applied + waiting == len(ORDERS) * PER_ORDER


@pytest.mark.parametrize("batch_size", [100, 3, 1])
@pytest.mark.parametrize("where", ["apply", "load"])
def test_it_stops_and_goes_on_after_the_fix(sql, consumers, broken, tmp_path, where, batch_size):
    broken.write_text(where)
    pool = consumers(BROKEN, BROKEN=str(broken), CODE_VERSION="v1", FAILING_ORDERS="5")
    settings = msgspec.structs.replace(AS_DEPLOYED, batch_size=batch_size)
    delivering = Delivering(records(), pool, settings, undocumented=OFTEN)
    with delivered_until_done(delivering):
        until(lambda: stopped(sql), seconds=30)
        before = len(delivering.endings)
        until(lambda: len(delivering.endings) > before + 10, seconds=30)
        assert len(blockers(sql)) < 5
        assert sql.execute("select count(*) from inorder.ledger").fetchone() == (0,)
        broken.unlink()
    assert len(blockers(sql)) < 5
    assert {version for *_, version in blockers(sql)} <= {"v1"}
    assert stopped(sql) == []
    check_flows(sql)
    log = (tmp_path / "consumer-0.log").read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    said = [line for line in lines if line.get("message") == "code stopped"]
    assert said
    assert "code version v1 is stopped" in said[0]["problem"]
    assert any(line.get("CodeStopped") == [1.0] for line in lines)


def test_the_next_version_goes_on(sql, consumers, broken):
    broken.write_text("apply")
    bad = consumers(BROKEN, BROKEN=str(broken), CODE_VERSION="v1", concurrency=1)
    event = json.dumps(batch(*records()[:50])).encode()
    assert bad.invoke(event).result().answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert stopped(sql) == [("v1",)]
    good = consumers("tests.consuming.journal:Journal", CODE_VERSION="v2", concurrency=1)
    assert good.invoke(event).result().answer == {"batchItemFailures": []}
    assert blockers(sql) == []
    assert stopped(sql) == [("v1",)]


def test_deaths_of_everything_stop_it_too(sql, consumers, broken):
    broken.write_text("exit")
    pool = consumers(
        BROKEN,
        BROKEN=str(broken),
        KILLER_DEATHS="1",
        FAILING_ORDERS="3",
        seconds=20.0,
        CODE_VERSION="v1",
    )
    settings = msgspec.structs.replace(AS_DEPLOYED, batch_size=25)
    delivering = Delivering(records(), pool, settings, undocumented=OFTEN)
    with delivered_until_done(delivering):
        until(lambda: stopped(sql), seconds=60)
        before = len(delivering.endings)
        until(lambda: len(delivering.endings) > before + 6, seconds=60)
        assert len(blockers(sql)) < 3
        broken.unlink()
    assert {reason for _, reason, _ in blockers(sql)} <= {"killer"}
    assert len(blockers(sql)) < 3
    check_flows(sql)
