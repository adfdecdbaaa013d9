"""Trap 6: a batch is committed, the checkpoint moves on, and the database is restored to before.

Nothing in the database can know what it has forgotten; the producers' receipts do, and the stream
still has it.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import psycopg
import pytest

from consumer.audit.auditor import Auditor, Scope
from consumer.audit.tables import Tables
from consumer.database import Database
from consumer.settings import Settings
from local.mapping.position import AtTimestamp
from local.postgres import Postgres, temporary_folder
from ops.cli import run
from producer import Producer, ProducerSettings
from tests.consuming.events import make_event
from tests.consuming.journal import SCHEMA
from tests.faults.consumer import SCALED, consuming
from tests.faults.served import Served, serve

ORDERS = [f"order-{n:02d}" for n in range(20)]
PART = 10
"""Events of an order in each of the three parts: before the backup, after it, after the restore."""


class Restorable:
    """A server of one's own, whose data folder is copied and put back."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._data = served.server.folder / "data"
        self._copy = served.server.folder / "backup"

    def back_up(self) -> None:
        self._stopped(lambda: shutil.copytree(self._data, self._copy))

    def restore(self) -> None:
        def put_back() -> None:
            shutil.rmtree(self._data)
            self._copy.rename(self._data)

        self._stopped(put_back)

    def _stopped(self, action) -> None:
        self.served.server.stop()
        action()
        if os.geteuid() == 0:
            for path in self.served.server.folder.rglob("*"):
                shutil.chown(path, "nobody")
            os.chmod(self._data, 0o700)  # noqa: PTH101 - a copy by root has lost it
        self.served.server.start()


@pytest.fixture
def restorable() -> Iterator[Restorable]:
    with temporary_folder() as folder, Postgres(Path(folder)) as server:
        served = serve(server).database("migrated")
        with psycopg.connect(served.url, autocommit=True) as connection:
            connection.execute(SCHEMA)
            connection.execute("grant select, insert, update on journal to inorder_app")
        yield Restorable(served)


@pytest.fixture
def producer(endpoint, arn) -> Iterator[Producer]:
    settings = ProducerSettings(linger=0.01)
    name = arn.rpartition("/")[2]
    with closing(Producer(name, endpoint.client(), settings=settings)) as made:
        yield made


def part(number):
    """The events of a part, half of the orders without versions."""
    first = 1 + number * PART
    for n in range(first, first + PART):
        for i, order_id in enumerate(ORDERS):
            yield make_event(n if i % 2 else None, name=n, order_id=order_id)


def send(producer, number, receipts: Path) -> None:
    """Send a part, and write down what the stream said."""
    futures = [producer.send(event) for event in part(number)]
    with receipts.open("ab") as file:
        for future in futures:
            file.write(msgspec.json.encode(future.result(30)) + b"\n")


def audited(receipts, monkeypatch, capsys, url):
    """What `inorder audit` says of the receipts: by place, and the ids of what is missing."""
    monkeypatch.setenv("DATABASE_URL", url)
    run(["audit", "--receipts", str(receipts), "--drained", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["faults"] == []
    return said["receipts"], {row["event_id"] for row in said["missing"]}


def check(url, parts):
    """Everything of these parts is applied, in order and once."""
    events = [event for number in range(parts) for event in part(number)]
    expected = {o: [str(e.id) for e in events if e.order_id == o] for o in ORDERS}
    with psycopg.connect(url, autocommit=True) as connection:
        assert dict(connection.execute("select order_id, seen from journal").fetchall()) == expected
        assert connection.execute("select count(*) from inorder.parking_lot").fetchone() == (0,)
    database = Database(Settings(database_url=url))
    database.open()
    assert Auditor(Tables(database)).run(Scope(full=True)).faults == ()
    database.close()


def test_trap_6_restored_to_before(
    endpoint, arn, restorable, producer, tmp_path, monkeypatch, capsys
):
    url = restorable.served.url
    receipts = tmp_path / "receipts.jsonl"
    given = (endpoint, arn, restorable.served.consumers_url(), tmp_path)
    journal = {"PROJECTION": "tests.consuming.journal:Journal"}
    with consuming(*given, **journal) as consumer:
        send(producer, 0, receipts)
        consumer.drain()
    before_restore = int(time.time() * 1000)
    restorable.back_up()
    with consuming(*given, **journal) as consumer:
        send(producer, 1, receipts)
        consumer.drain()
        checkpoints = consumer.mapping.checkpoints
    check(url, 2)

    restorable.restore()  # the mapping is disabled meanwhile, as the runbook says
    check(url, 1)
    places, missing = audited(receipts, monkeypatch, capsys, url)
    lost = {str(event.id) for event in part(1)}
    assert (places, missing) == ({"applied": 200, "missing": 200}, lost)

    replaying = msgspec.structs.replace(
        SCALED, starting_position=AtTimestamp(before_restore - 5_000)
    )
    with consuming(*given, settings=replaying, **journal) as replay:
        replay.drain()
        assert replay.mapping.stats.records_read > 0
    assert audited(receipts, monkeypatch, capsys, url) == ({"applied": 400}, set())
    check(url, 2)

    with consuming(*given, checkpoints=checkpoints, **journal) as consumer:
        send(producer, 2, receipts)
        consumer.drain()
    check(url, 3)


def test_trap_6_where_the_mapping_went_on_before_the_replay(
    endpoint, arn, restorable, producer, tmp_path, monkeypatch, capsys
):
    """Versions notice the hole and wait in it until the replay fills it. Without them nothing tells
    that something is missing: what comes back too late is parked as overtaken, and not lost.
    """
    url = restorable.served.url
    receipts = tmp_path / "receipts.jsonl"
    given = (endpoint, arn, restorable.served.consumers_url(), tmp_path)
    journal = {"PROJECTION": "tests.consuming.journal:Journal"}
    before_restore = int(time.time() * 1000)
    restorable.back_up()
    with consuming(*given, **journal) as consumer:
        send(producer, 0, receipts)
        consumer.drain()
        checkpoints = consumer.mapping.checkpoints
    restorable.restore()
    with consuming(*given, checkpoints=checkpoints, **journal) as consumer:
        send(producer, 1, receipts)
        consumer.drain()
    places, missing = audited(receipts, monkeypatch, capsys, url)
    assert places == {"applied": 100, "waiting": 100, "missing": 200}
    assert missing == {str(event.id) for event in part(0)}
    replaying = msgspec.structs.replace(
        SCALED, starting_position=AtTimestamp(before_restore - 5_000)
    )
    with consuming(*given, settings=replaying, **journal) as replay:
        replay.drain()
    assert audited(receipts, monkeypatch, capsys, url) == ({"applied": 300, "waiting": 100}, set())
    with psycopg.connect(url, autocommit=True) as connection:
        waiting = "select distinct order_id, reason from inorder.parking_lot where kind = 'blocker'"
        late = {o for o, reason in connection.execute(waiting) if reason == "overtaken"}
        assert late == set(ORDERS[::2]), "exactly the orders without versions"
        in_order = dict(connection.execute("select order_id, seen from journal").fetchall())
    events = [*part(0), *part(1)]
    for order_id in ORDERS[1::2]:
        assert in_order[order_id] == [str(e.id) for e in events if e.order_id == order_id]
