"""The traps that a batch meets in the tables, on PostgreSQL, through the handler."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from consumer.arrivals import read_batch
from consumer.attempts import Attempts
from consumer.batch import Applied, apply_batch
from consumer.database import Database
from consumer.handler import handler
from consumer.settings import Settings
from contract import encode_event
from contract.event import MAX_VERSION
from tests.consuming.batches import batch, batch_of
from tests.consuming.events import REFUSED, id_of, make_event
from tests.consuming.invoking import FINISHED, environment
from tests.consuming.setwise import Setwise
from tests.consuming.tables import Tables, read_tables


def ids(*names, order_id: str = "A") -> list[str]:
    return [str(id_of((order_id, name))) for name in names]


def kinds(tables: Tables, order_id: str | None = "A") -> list[tuple[str, str]]:
    return [(entry.kind, entry.reason) for entry in tables.lot.get(order_id, [])]


def test_the_answer_is_exactly_the_documented_one(invoke):
    assert invoke(batch_of([make_event(1)])) == {"batchItemFailures": []}
    assert invoke(batch_of([])) == {"batchItemFailures": []}


def test_trap_1_an_earlier_event_that_comes_later_is_parked_as_overtaken(invoke, journal):
    assert invoke(batch_of([make_event(name="e2")], start=20)) == FINISHED
    assert invoke(batch_of([make_event(name="e1")], start=10)) == FINISHED
    assert invoke(batch_of([make_event(name="e3")], start=30)) == FINISHED
    tables = read_tables(journal)
    assert tables.journal == {"A": ids("e2")}
    assert kinds(tables) == [("blocker", "overtaken"), ("follower", "follows")]
    assert tables.heads["A"] == (False, 1, "parked")


def test_trap_5_the_whole_retention_comes_again(invoke, journal):
    events = [make_event(v, order_id=o) for v in (1, 2, 4, 5) for o in "ABC"]
    events += [make_event(name=n, order_id=o) for n in "xyz" for o in "DE"]
    events += [make_event(6, order_id="A", type=REFUSED), make_event(7, order_id="A")]
    sent = [b"no event", *events]
    assert invoke(batch_of(sent, key="F")) == FINISHED
    before = read_tables(journal)
    assert invoke(batch_of(sent, key="F")) == FINISHED
    half = len(sent) // 2
    assert invoke(batch_of(sent[:half], key="F")) == FINISHED
    assert invoke(batch_of(sent[half:], start=half + 1, key="F")) == FINISHED
    assert read_tables(journal) == before


NOT_STORABLE = [
    b"",
    b"\x00",
    encode_event(make_event(1, text="X")).replace(b"X", b"\\ud800"),
    encode_event(make_event(7)).replace(b":7", b":9223372036854775808"),
    encode_event(make_event(1, order_id="X")).replace(b'"X"', b'"X\\u0000"'),
    encode_event(make_event(1, order_id="X" * 257)),
    b"\xf3\x89\x9a\xc2 broken aggregate",
]


@pytest.mark.parametrize(
    "key", ["A", "k" * 257, "nul\0", "\ud800", ""], ids=["A", "257", "NUL", "surrogate", "none"]
)
def test_trap_8_what_postgresql_cannot_hold_is_parked_raw_and_the_slot_goes_on(
    invoke, journal, key
):
    beside = ("B", encode_event(make_event(1, order_id="B")))
    sent = batch(*((key, data) for data in NOT_STORABLE), beside)
    assert invoke(sent) == FINISHED
    tables = read_tables(journal)
    order_id = "A" if key == "A" else None
    kind = "blocker" if order_id else "stray"
    assert kinds(tables, order_id) == [(kind, "unreadable")] * len(NOT_STORABLE)
    assert [entry.payload for entry in tables.lot[order_id]] == NOT_STORABLE
    assert tables.journal == {"B": ids(1, order_id="B")}
    assert invoke(sent) == FINISHED
    assert read_tables(journal) == tables


def test_trap_8_nul_in_data_is_applied_and_kept(invoke, journal):
    assert invoke(batch_of([make_event(1, text="a\0b", **{"k\0": 1})])) == FINISHED
    (data,) = journal.execute("select data::text from inorder.ledger").fetchone()
    assert data == '{"k\\u0000":1,"text":"a\\u0000b"}'


def test_trap_8_behind_the_largest_version_the_slot_goes_on(invoke, journal):
    sent = [make_event(MAX_VERSION), b"no event", make_event(name="plain"), b"nor this"]
    assert invoke(batch_of(sent)) == FINISHED
    assert kinds(read_tables(journal)) == [
        ("gap", "early"),
        ("blocker", "unreadable"),
        ("blocker", "wrong_kind"),
        ("blocker", "unreadable"),
    ]


def test_trap_8_times_at_the_edges_of_the_calendar(invoke, journal):
    """A zone can move them out of what Python reads, but not out of what PostgreSQL keeps."""
    early, late = b"0001-01-01T00:00:00+05:00", b"9999-12-31T23:59:59-05:00"
    plain = encode_event(make_event(1))
    sent = [plain.replace(b"2026-05-04T12:00:00Z", at) for at in (early, late)]
    sent[1] = sent[1].replace(b'"A"', b'"B"')
    assert sent[0] != plain
    assert invoke(batch(("A", sent[0]), ("B", sent[1]))) == FINISHED
    rows = journal.execute("select time at time zone 'utc' || '' from inorder.ledger order by 1")
    assert [text for (text,) in rows] == ["0001-12-31 19:00:00 BC", "10000-01-01 04:59:59"]


def test_trap_9_apply_changes_its_state_and_raises(invoke, journal):
    """The journal notes an event before it looks whether it wants it."""
    sent = [make_event(1), make_event(2), make_event(3, type=REFUSED), make_event(4)]
    assert invoke(batch_of(sent)) == FINISHED
    assert read_tables(journal).journal == {"A": ids(1, 2)}


def test_trap_10_invocations_of_the_same_batch_at_once(database_url, journal):
    """Heads missing, lanes of many orders, eight at a time: one applies, the rest skip."""
    events = [make_event(v, order_id=f"o{o}") for v in (1, 2, 3) for o in range(40)]
    records = read_batch(batch_of(events))
    start = threading.Barrier(8)

    def work(_: int) -> Applied:
        database = Database(Settings(database_url=database_url))
        database.open()
        try:
            start.wait(timeout=30)
            attempts = Attempts(database, Setwise(), lambda: 30.0, 1.0)
            return apply_batch(records, attempts, chunk_events=1_000, drain=100)
        finally:
            database.close()

    with ThreadPoolExecutor(8) as threads:
        applied = list(threads.map(work, range(8)))
    assert [done.problem for done in applied] == [None] * 8
    committed = [one for done in applied for one in done.committed]
    assert sorted(one.applied for one in committed) == [0] * 7 + [120]
    assert sorted(one.duplicates for one in committed) == [0] + [120] * 7
    assert read_tables(journal).journal == {
        f"o{o}": ids(1, 2, 3, order_id=f"o{o}") for o in range(40)
    }
    deadlocks = journal.execute(
        "select deadlocks from pg_stat_database where datname = current_database()"
    ).fetchone()
    assert deadlocks == (0,)


def test_trap_13_ids_versions_and_contents(invoke, journal):
    shared = make_event(1, name="shared", order_id="A")
    sent = [
        shared,
        make_event(2, name="shared"),  # one id as two versions of one order: a conflict
        make_event(1, name="B1", order_id="B"),
        make_event(1, name="B1", order_id="B", other="data"),  # the same id with other data
        make_event(1, name="C1", order_id="C"),
        make_event(1, name="C1 again", order_id="C"),  # a re-send under a new id
        make_event(2, name="C2", order_id="C"),
        make_event(2, name="C2'", order_id="C", other="data"),  # one version, other content
    ]
    assert invoke(batch_of(sent)) == FINISHED
    tables = read_tables(journal)
    assert {o: [row.ordinal for row in rows] for o, rows in tables.ledger.items()} == {
        "A": [1],
        "B": [1],
        "C": [1, 2],
    }
    assert all(kinds(tables, o) == [("blocker", "conflict")] for o in "ABC")


def test_trap_13_an_id_under_its_next_version_is_found_by_the_ledgers_key(invoke, journal):
    """Nothing is asked about events that carry the very next versions: the key refuses."""
    invoke(batch_of([make_event(1), make_event(1, order_id="B")]))
    events = [make_event(2, name=1), make_event(3), make_event(2, order_id="B")]
    assert invoke(batch_of(events, start=20)) == FINISHED
    tables = read_tables(journal)
    assert kinds(tables) == [("blocker", "conflict"), ("follower", "follows")]
    assert tables.journal == {"A": ids(1), "B": ids(1, 2, order_id="B")}


def test_trap_13_an_id_that_is_known_behind_a_refused_event(invoke, journal):
    """It conflicts with the ledger whether or not it has to wait."""
    invoke(batch_of([make_event(1)]))
    events = [make_event(2, type=REFUSED), make_event(3, name=1), make_event(4)]
    assert invoke(batch_of(events, start=20)) == FINISHED
    assert kinds(read_tables(journal)) == [
        ("blocker", "rejected"),
        ("blocker", "conflict"),
        ("follower", "follows"),
    ]


def test_trap_13_two_orders_may_use_one_id(invoke, journal):
    one = UUID(int=7)
    raw = [
        encode_event(make_event(1, order_id=o)).replace(
            str(id_of((o, 1))).encode(), str(one).encode()
        )
        for o in "AB"
    ]
    assert invoke(batch(("A", raw[0]), ("B", raw[1]))) == FINISHED
    assert read_tables(journal).journal == {"A": [str(one)], "B": [str(one)]}


def test_trap_16_a_parked_event_comes_again(invoke, journal):
    sent = [make_event(1), make_event(2, type=REFUSED), make_event(3), b"no event"]
    for _ in range(3):
        assert invoke(batch_of(sent)) == FINISHED
    assert len(read_tables(journal).lot["A"]) == 3
    resent = [make_event(2, type=REFUSED), make_event(3)]
    assert invoke(batch_of(resent, start=50)) == FINISHED
    assert len(read_tables(journal).lot["A"]) == 3


def test_trap_16_behind_a_redriven_event_the_next_one_applies_and_the_lot_drains(invoke, journal):
    sent = [*(make_event(v) for v in (1, 2, 3)), make_event(4, type=REFUSED), make_event(6)]
    assert invoke(batch_of(sent)) == FINISHED
    with journal.transaction():  # as a redrive of version 4 leaves it
        journal.execute("delete from inorder.parking_lot where version = 4")
        journal.execute(
            "insert into inorder.ledger (order_id, ordinal, id, digest, type)"
            " values ('A', 4, %s, 4, 'note')",
            [id_of(("A", 4))],
        )
        journal.execute("update inorder.head set ordinal = 4, state = 'gap'")
    assert invoke(batch_of([make_event(5)], start=50)) == FINISHED
    tables = read_tables(journal)
    assert tables.heads["A"] == (True, 6, "open")
    assert tables.lot == {}


def test_trap_19_an_unversioned_event_for_a_versioned_order_and_a_double(invoke, journal):
    sent = [make_event(1), make_event(1), make_event(name="plain"), make_event(2)]
    assert invoke(batch_of(sent)) == FINISHED
    tables = read_tables(journal)
    assert tables.journal == {"A": ids(1)}
    assert kinds(tables) == [("blocker", "wrong_kind"), ("follower", "follows")]


def test_a_gap_is_held_and_drained_across_batches(invoke, journal):
    for start, version in enumerate((1, 5, 3, 4), start=1):
        assert invoke(batch_of([make_event(version)], start=start)) == FINISHED
    assert read_tables(journal).heads["A"] == (True, 1, "gap")
    assert invoke(batch_of([make_event(2)], start=9)) == FINISHED
    tables = read_tables(journal)
    assert tables.heads["A"] == (True, 5, "open")
    assert tables.journal == {"A": ids(1, 2, 3, 4, 5)}


def test_a_drain_longer_than_one_transaction_is_finished(database_url, journal):
    with environment(database_url, DRAIN_ENTRIES="3") as invoke:
        for start, version in enumerate(range(20, 1, -1), start=1):
            assert invoke(batch_of([make_event(version)], start=start)) == FINISHED
        assert invoke(batch_of([make_event(1)], start=50)) == FINISHED
    tables = read_tables(journal)
    assert tables.heads["A"] == (True, 20, "open")
    assert tables.journal == {"A": ids(*range(1, 21))}
    assert tables.lot == {}


class UntilSomethingIsApplied:
    """The time is up as soon as the ledger holds a row."""

    def __init__(self, journal: psycopg.Connection) -> None:
        self._journal = journal

    def get_remaining_time_in_millis(self) -> int:
        count = self._journal.execute("select count(*) from inorder.ledger").fetchone()
        return 60_000 if count == (0,) else 0


def test_a_drain_that_has_no_time_goes_on_with_the_next_event(database_url, journal):
    with environment(database_url, DRAIN_ENTRIES="3") as invoke:
        assert invoke(batch_of([make_event(v) for v in range(2, 21)])) == FINISHED
        assert handler(batch_of([make_event(1)], start=50), UntilSomethingIsApplied(journal)) == (
            FINISHED
        )
        assert read_tables(journal).heads["A"] == (True, 4, "parked")
        assert invoke(batch_of([make_event(21)], start=51)) == FINISHED
    assert read_tables(journal).heads["A"] == (True, 21, "open")


def test_orders_apart_by_case_accents_and_spaces_are_orders_apart(invoke, journal):
    names = ["a", "A", "ä", "a\u0308", " a", "a ", "ａ", "𝒂", "'; drop table x; --", "%s", "\\"]
    sent = [make_event(v, order_id=name) for name in names for v in (1, 2)]
    assert invoke(batch_of(sent)) == FINISHED
    tables = read_tables(journal)
    assert set(tables.journal) == set(names)
    assert all(len(seen) == 2 for seen in tables.journal.values())


def test_bytes_of_no_known_order_alone_make_a_batch(invoke, journal):
    assert invoke(batch(("", b"x"), ("k\0", b"y"))) == FINISHED
    assert [entry.payload for entry in read_tables(journal).lot[None]] == [b"x", b"y"]


def test_what_the_lot_says_of_a_partition_key_it_cannot_store(invoke, journal):
    assert invoke(batch(("a\0b\ud800", b"x"))) == FINISHED
    (key,) = journal.execute("select partition_key from inorder.parking_lot").fetchone()
    assert key == "a\\x00b\\ud800"


def test_reasons_are_kept_in_words(invoke, journal):
    sent = [make_event(1), make_event(3, type=REFUSED), make_event(2), make_event(4)]
    assert invoke(batch_of(sent)) == FINISHED
    rows = journal.execute(
        "select version, kind, reason, detail from inorder.parking_lot order by rank"
    ).fetchall()
    assert rows == [
        (3, "blocker", "rejected", "the journal refuses it"),
        (4, "follower", "follows", "an earlier event of this order waits for a decision"),
    ]


def test_no_table_is_locked_after_an_invocation(invoke, journal):
    invoke(batch_of([make_event(1), make_event(2, type=REFUSED)]))
    open_transactions = journal.execute(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null"
    ).fetchone()
    assert open_transactions == (0,)


def test_the_tables_are_gone(invoke, journal):
    """42P01: nothing to park and nowhere to park it."""
    journal.execute("alter schema inorder rename to elsewhere")
    assert invoke(batch_of([make_event(1), make_event(2)], start=7)) == {
        "batchItemFailures": [{"itemIdentifier": "7"}]
    }
    journal.execute("alter schema elsewhere rename to inorder")
    assert invoke(batch_of([make_event(1), make_event(2)], start=7)) == FINISHED
    assert read_tables(journal).journal == {"A": ids(1, 2)}


def test_the_fixture_reads_what_stands(journal: psycopg.Connection):
    assert read_tables(journal) == Tables({}, {}, {}, {})


def test_trap_18_unreadable_bytes_under_a_bucket_key_stop_no_order_but_their_own(invoke, journal):
    """Trap 18: a stray with payload; other orders flow; the versioned order waits at its gap."""
    bucket = "bucket-7fc"  # nobody can say which of its orders the second record was of
    broken = b"\xf3\x89\x9a\xc2 broken aggregate"
    events = [
        make_event(1),
        make_event(1, order_id="B"),
        make_event(3),
        make_event(2, order_id="B"),
    ]
    first, second, third, fourth = ((bucket, encode_event(event)) for event in events)
    assert invoke(batch(first, second, (bucket, broken), third, fourth)) == FINISHED
    tables = read_tables(journal)
    assert tables.journal == {"A": ids(1), "B": ids(1, 2, order_id="B")}
    assert kinds(tables, None) == [("stray", "unreadable")]
    assert [entry.payload for entry in tables.lot[None]] == [broken]
    assert kinds(tables) == [("gap", "early")]
    assert bucket not in tables.heads
