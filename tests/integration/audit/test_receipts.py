"""Receipts against tables: what was acknowledged is found wherever it is, or named."""

import json

import pytest

from consumer.audit.receipts import BadReceipt, read_receipts
from ops import deciding
from ops.cli import run
from ops.deciding import Reasoned
from tests.consuming.events import REFUSED, id_of, make_event
from tests.operating.world import World


@pytest.fixture
def world(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    made = World(database_url)
    yield made
    made.close()


def receipt(at, name, **more):
    return {
        "order_id": "A",
        "event_id": str(id_of(("A", name))),
        "shard_id": "shardId-000000000000",
        "sequence_number": at,
        "sub_sequence_number": 0,
        **more,
    }


@pytest.fixture
def check(tmp_path, capsys):
    def check_(receipts, *options):
        file = tmp_path / "receipts.jsonl"
        file.write_text("".join(json.dumps(one) + "\n" for one in receipts))
        code = run(["audit", "--receipts", str(file), "--json", *options])
        answer = json.loads(capsys.readouterr().out)
        missing = [row["event_id"] for row in answer["missing"]]
        return code, answer["receipts"], missing

    return check_


def test_every_place_an_acknowledged_event_can_be(world, check):
    world.live(make_event(1), b"garbage", make_event(2, type=REFUSED), make_event(3))
    deciding.skip(world.database, world.entries()[0], Reasoned(who="x", because="y"))
    receipts = [receipt(1, 1), receipt(2, "unreadable"), receipt(3, 2), receipt(4, 3)]
    assert check(receipts) == (0, {"applied": 1, "waiting": 2, "decided": 1}, [])


def test_what_is_nowhere_is_missing_once_its_order_has_passed_it(world, check):
    world.live(make_event(1), at=1)
    world.live(make_event(2), at=9)
    receipts = [receipt(1, 1), receipt(5, "lost"), receipt(9, 2), receipt(20, "on its way")]
    code, places, missing = check(receipts)
    assert (code, places) == (1, {"applied": 2, "missing": 1, "pending": 1})
    assert missing == [str(id_of(("A", "lost")))]
    _, places, missing = check(receipts, "--drained")
    assert places == {"applied": 2, "missing": 2}
    assert str(id_of(("A", "on its way"))) in missing


def test_an_event_that_was_sent_again_under_a_new_id_is_found_by_its_version(world, check):
    world.live(make_event(1), make_event(1, name="new id"))
    assert check([receipt(2, "new id")])[1] == {"pending": 1}
    assert check([receipt(2, "new id")], "--drained")[1] == {"missing": 1}
    assert check([receipt(2, "new id", version=1)])[1] == {"applied": 1}


def test_an_order_that_nobody_has_seen_is_pending_until_the_stream_is_drained(world, check):
    assert check([receipt(1, 1)])[1] == {"pending": 1}
    assert check([receipt(1, 1)], "--drained")[1] == {"missing": 1}


@pytest.mark.parametrize("line", [b"[]", b'{"order_id": "A"}', b"nonsense", b"\xff"])
def test_a_line_that_is_no_receipt_is_named(line):
    with pytest.raises(BadReceipt, match="line 2"):
        list(read_receipts([b"\n", line]))


def test_what_the_ledger_no_longer_keeps_is_not_called_missing(world, check):
    """By version, or by its place before the first row that is left; behind it, it is missing."""
    world.live(*(make_event(v) for v in (1, 2, 3)), at=10)
    world.live(*(make_event(name=n, order_id="U") for n in "abc"), at=20)
    world.sql.execute("update inorder.head set ledger_from = 3")
    world.sql.execute("delete from inorder.ledger where ordinal < 3")
    known = [receipt(10, 1, version=1), receipt(11, 2), receipt(12, 3)]
    known += [
        {**receipt(20 + i, ""), "order_id": "U", "event_id": str(id_of(("U", n)))}
        for i, n in enumerate("abc")
    ]
    assert check(known) == (0, {"pruned": 4, "applied": 2}, [])
    lost = receipt(12, "lost", version=3, order_id="B")
    world.live(make_event(1, order_id="B"), at=40)
    code, places, missing = check([*known, lost])
    assert (code, places) == (1, {"pruned": 4, "applied": 2, "missing": 1})
    assert missing == [lost["event_id"]]
    world.sql.execute("update inorder.head set ledger_from = 4 where order_id in ('A', 'U')")
    world.sql.execute("delete from inorder.ledger where order_id in ('A', 'U')")
    assert check(known)[:2] == (0, {"pruned": 6})
