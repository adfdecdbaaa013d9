"""The database goes away under load: nothing is parked or skipped, the backlog drains in order.

Ten minutes scaled to four seconds: time-outs, load and the mapping's back-off (at most five
seconds, here half a second) are scaled with them. What counts is the number of invocations that
meet the outage, about as many as ten minutes of full back-off make.
"""

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

import migrations
from consumer.database import Database
from consumer.deliveries import Mark
from consumer.settings import read
from consumer.suspicion import Span
from contract import encode_event
from local.environments.environment import Ending
from local.mapping.undocumented import Undocumented
from local.postgres import Postgres, temporary_folder
from migrations.migrate import INORDER
from tests.consuming.consumers import Start, starting
from tests.consuming.delivering import AS_DEPLOYED, Delivering
from tests.consuming.events import id_of, make_event
from tests.consuming.journal import SCHEMA
from tests.consuming.waiting import until

ORDERS = [f"order-{n:03d}" for n in range(100)]
PER_ORDER = 20
AWAY_SECONDS = 4.0
OFTEN = Undocumented(backoff_first=50, backoff_most=500)
BATCH = 50


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A server of this test's own, which it may stop."""
    with temporary_folder() as folder, Postgres(Path(folder)) as server:
        migrations.apply(server.url, [INORDER])
        with psycopg.connect(server.url) as connection:
            connection.execute(SCHEMA)
        yield server


@pytest.fixture
def consumers(server: Postgres, tmp_path: Path) -> Iterator[Start]:
    with starting(server.url, tmp_path) as start:
        yield start


def records() -> list[tuple[str, bytes]]:
    left = {o: iter(range(1, PER_ORDER + 1)) for o in ORDERS}
    places = ORDERS * PER_ORDER
    random.Random(5).shuffle(places)
    return [(o, encode_event(make_event(next(left[o]), order_id=o))) for o in places]


def answer(server: Postgres, query: str):
    with psycopg.connect(server.url) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_database_is_away_for_a_while(server, consumers, how):
    endings = []
    delivering = Delivering(
        records(),
        consumers("tests.consuming.journal:Journal", FUSE_SECONDS="0.05"),
        msgspec.structs.replace(AS_DEPLOYED, batch_size=BATCH),
        undocumented=OFTEN,
        at_end=lambda _, result: endings.append(result),
    )
    thread = threading.Thread(target=delivering.run, kwargs={"seconds": 60})
    thread.start()
    until(lambda: len(endings) >= 5, seconds=20)
    getattr(server, how)()
    met = len(endings)
    away = threading.Event()
    away.wait(AWAY_SECONDS)
    assert len(endings) - met >= 10, "the outage was met by too few invocations"
    server.start()
    thread.join(60)
    assert not thread.is_alive()
    assert {result.ending for result in endings} == {Ending.ANSWERED}
    assert answer(server, "select count(*) from inorder.parking_lot") == [(0,)]
    assert answer(server, "select count(*) from inorder.ledger where skipped_because <> ''") == [
        (0,)
    ]
    assert dict(answer(server, "select order_id, seen from journal")) == {
        o: [str(id_of((o, version))) for version in range(1, PER_ORDER + 1)] for o in ORDERS
    }


def test_what_was_said_before_a_restart_blames_nobody(server):
    """The markers of an orderly shutdown are still there: it was the server that interrupted."""
    said = Mark(
        environment=id_of("before"), span=Span(shard="shard-0", first=1, last=2), seconds=-1.0
    )
    asks = msgspec.structs.replace(said, environment=id_of("after"))
    database = Database(read({"DATABASE_URL": server.url}))
    seen = []
    for _ in range(2):
        database.open()
        with database.at_once() as deliveries:
            if not seen:
                deliveries.begin(said)
            seen.append(deliveries.begin(asks))
            deliveries.end(asks.environment)
        database.close()
        server.stop()
        server.start()
    assert answer(server, "select count(*) from inorder.delivery where deadline is not null") == [
        (1,)
    ]
    assert [len(markers) for markers in seen] == [1, 0]
