"""A version that fails everything stops; one in which others succeed does not."""

import pytest

from consumer.attempts import Attempts, Stopped
from consumer.batch import apply_batch
from consumer.deploys import Code, Failing, must_stop
from consumer.order import Reason
from consumer.projection import UnknownType
from contract import Event
from tests.consuming.events import REFUSED, make_event
from tests.consuming.journal import JournalInMemory
from tests.consuming.killing import record
from tests.consuming.markers import MarkedDatabase

V1 = Code(version="v1", most=3)


class Failing_(JournalInMemory):  # noqa: N801 - `Failing` is the value
    """Fails for events of type `bad`, or for every order whose state it loads from `bad_rows`."""

    bad_rows: frozenset[str] = frozenset()

    def load(self, cursor, order_ids):
        if self.bad_rows & set(order_ids):
            raise KeyError("column")
        return super().load(cursor, order_ids)

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        if event.type == "bad":
            raise ZeroDivisionError
        if event.type == "unheard of":
            raise UnknownType("unheard of")
        return super().apply(state, event)


class Code_:  # noqa: N801 - `Code` is the value
    """One database, one version of the code, batches one after the other."""

    def __init__(self, code=V1, bad_rows=()):
        self.database = MarkedDatabase(lambda: 0.0)
        self.projection = Failing_()
        self.projection.bad_rows = frozenset(bad_rows)
        self.code = code
        self.next = 1

    def apply(self, *events, chunk_events=100):
        records = [record(self.next + i, [event]) for i, event in enumerate(events)]
        attempts = Attempts(self.database, self.projection, lambda: 60.0, 1.0, self.code)
        applied = apply_batch(records, attempts, chunk_events=chunk_events, drain=10)
        if applied.checkpoint is None:
            self.next += len(events)
        return applied

    @property
    def failing(self):
        return self.database.deliveries.failing.get(self.code.version, Failing())

    @property
    def blockers(self):
        return {
            order_id: entry.failure.reason
            for order_id, entries in self.database.lot.items()
            for entry in entries
            if entry.kind == "blocker"
        }


def bad(order_id, version=1):
    return make_event(version, order_id=order_id, type="bad")


def good(order_id, version=1):
    return make_event(version, order_id=order_id)


@pytest.mark.parametrize(
    ("orders", "stopped", "expected"),
    [
        ((), False, False),
        (("A", "B"), False, False),
        (("A", "B", "C"), False, True),
        ((), True, True),
    ],
)
def test_the_rule(orders, stopped, expected):
    assert must_stop(V1, Failing(orders=orders, stopped=stopped)) is expected


def test_fewer_are_parked_and_the_next_one_stops():
    code = Code_()
    assert code.apply(bad("A")).checkpoint is None
    assert code.apply(bad("B")).checkpoint is None
    applied = code.apply(bad("C"))
    assert applied.checkpoint == "3"
    assert isinstance(applied.problem, Stopped)
    assert "code version v1 is stopped: 3 orders" in str(applied.problem)
    assert code.blockers == {"A": Reason.FAILED, "B": Reason.FAILED}
    assert code.failing.stopped


def test_all_at_once_parks_nobody():
    code = Code_()
    assert code.apply(*map(bad, "ABC")).checkpoint == "1"
    assert code.blockers == {}


def test_one_order_that_fails_again_and_again_counts_once():
    code = Code_()
    for version in range(1, 6):
        assert code.apply(bad("A", version)).checkpoint is None
    assert code.failing.orders == ("A",)


def test_a_success_between_starts_the_count_again():
    code = Code_()
    for n in range(10):
        assert code.apply(bad(f"bad-{n}")).checkpoint is None
        assert code.apply(good(f"good-{n}")).checkpoint is None
    assert len(code.blockers) == 10
    assert code.failing == Failing()


def test_where_others_succeed_only_the_failing_are_parked():
    code = Code_()
    applied = code.apply(*map(bad, "ABCDE"), good("F"))
    assert applied.checkpoint is None
    assert code.blockers.keys() == set("ABCDE")


@pytest.mark.parametrize("kind", [REFUSED, "unheard of"])
def test_what_is_rejected_does_not_count(kind):
    code = Code_()
    rejected = [make_event(1, order_id=o, type=kind) for o in "ABCDE"]
    assert code.apply(*rejected).checkpoint is None
    expected = Reason.REJECTED if kind == REFUSED else Reason.UNKNOWN_TYPE
    assert set(code.blockers.values()) == {expected}
    assert code.failing == Failing()


def test_while_stopped_a_failure_commits_nothing_and_a_success_lifts():
    code = Code_()
    code.apply(*map(bad, "ABC"))
    assert code.apply(bad("Z")).checkpoint == "1"
    assert code.apply(make_event(1, order_id="R", type=REFUSED)).checkpoint is None
    assert code.failing.stopped
    assert code.apply(good("Y")).checkpoint is None
    assert not code.failing.stopped
    assert code.apply(bad("Z")).checkpoint is None
    assert code.blockers.keys() == {"R", "Z"}


def test_another_version_is_not_stopped():
    code = Code_()
    code.apply(*map(bad, "ABC"))
    code.code = Code(version="v2", most=3)
    assert code.apply(bad("A")).checkpoint is None


def test_load_that_fails_for_everybody_stops():
    code = Code_(bad_rows="ABCDE")
    applied = code.apply(*map(good, "ABCDE"))
    assert applied.checkpoint is not None
    assert len(code.blockers) < 3
    assert code.failing.stopped


def test_load_that_fails_for_some_parks_them_when_the_others_have_succeeded():
    """Trap 12: also when they come first, and are more than stop a version."""
    code = Code_(bad_rows="ABCDE")
    applied = code.apply(*map(good, "ABCDEF"))
    assert applied.checkpoint is None
    assert code.blockers == dict.fromkeys("ABCDE", Reason.DATA_ERROR)
    assert code.database.journal.keys() == {"F"}
    assert not code.failing.stopped


def test_what_was_put_off_keeps_its_order():
    """Later chunks hold events of orders that an earlier one has put off."""
    code = Code_(bad_rows="ABC")
    events = [good(o, version) for version in (1, 2) for o in "ABC"]
    applied = code.apply(*events, good("F"), chunk_events=3)
    assert applied.checkpoint is None
    for order_id in "ABC":
        kinds = [(e.arrival.version, str(e.kind)) for e in code.database.lot[order_id]]
        assert kinds == [(1, "blocker"), (2, "follower")]


def test_without_a_bound_nothing_is_counted():
    code = Code_(Code(version="v1"))
    assert code.apply(*map(bad, "ABCDEFGH")).checkpoint is None
