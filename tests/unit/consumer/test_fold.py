"""Folding: a failing event leaves nothing behind, whatever the projection does to its state."""

import pytest

from consumer.fold import Fold
from consumer.order import Reason
from consumer.projection import BadProjection, Rejected
from tests.consuming.events import REFUSED, arrive, make_event, versions


class Mutating:
    """Changes the state it is given before it looks at the event, as a careless one would."""

    def apply(self, state, event):
        state = [] if state is None else state
        state.append(event.version)
        event.data["touched"] = True
        if event.type == REFUSED:
            raise Rejected("refused")
        if event.type == "bug":
            raise KeyError("bug")
        return state


class Table:
    """What `load` finds: new objects at every call, as a database gives them."""

    def __init__(self, **rows: list[int]) -> None:
        self.rows = rows
        self.asked: list[list[str]] = []

    def load(self, order_ids: list[str]) -> dict[str, list[int]]:
        self.asked.append(order_ids)
        return {o: list(self.rows[o]) for o in order_ids if o in self.rows}


def fold_over(table: Table, *order_ids: str, projection=None) -> Fold:
    return Fold(projection or Mutating(), table.load(list(order_ids)))


def bad(version: int, kind: str = REFUSED, order_id: str = "A"):
    return arrive(90 + version, make_event(version, type=kind, order_id=order_id))


def test_states_grow_event_by_event():
    table = Table(A=[1])
    fold = fold_over(table, "A")
    assert [fold.apply(arrival) for arrival in versions(2, 3)] == [None, None]
    assert fold.changed(table.load) == {"A": [1, 2, 3]}
    assert len(table.asked) == 1


@pytest.mark.parametrize(
    ("kind", "reason", "detail"),
    [(REFUSED, Reason.REJECTED, "refused"), ("bug", Reason.FAILED, "KeyError: 'bug'")],
)
def test_trap_9_apply_changes_the_state_and_raises(kind, reason, detail):
    table = Table(A=[1])
    fold = fold_over(table, "A")
    fold.apply(versions(2)[0])
    failure = fold.apply(bad(3, kind))
    assert (failure.reason, failure.detail) == (reason, detail)
    assert fold.changed(table.load) == {"A": [1, 2]}


def test_trap_9_for_an_order_that_has_no_row_yet():
    table = Table()
    fold = fold_over(table, "A")
    fold.apply(versions(1)[0])
    fold.apply(bad(2))
    assert fold.changed(table.load) == {"A": [1]}


def test_trap_9_where_nothing_applied_nothing_is_saved_and_nothing_read_again():
    table = Table(A=[1])
    fold = fold_over(table, "A")
    fold.apply(bad(2))
    assert fold.changed(table.load) == {}
    assert len(table.asked) == 1


def test_trap_9_events_are_decoded_afresh():
    seen = []

    class Looking(Mutating):
        def apply(self, state, event):
            seen.append(dict(event.data))
            return super().apply(state, event)

    table = Table(A=[1])
    fold = fold_over(table, "A", projection=Looking())
    fold.apply(versions(2)[0])
    fold.apply(bad(3))
    fold.changed(table.load)
    assert seen == [{}, {}, {}]


def test_only_the_orders_that_failed_are_read_again():
    table = Table(A=[1], B=[1])
    fold = fold_over(table, "A", "B")
    for order_id in "AB":
        fold.apply(arrive(1, make_event(2, order_id=order_id)))
    fold.apply(bad(3, order_id="B"))
    assert fold.changed(table.load) == {"A": [1, 2], "B": [1, 2]}
    assert table.asked == [["A", "B"], ["B"]]


def test_states_are_saved_in_the_order_of_their_ids():
    table = Table()
    fold = fold_over(table)
    for order_id in ("b", "C", "a"):
        fold.apply(arrive(1, make_event(1, order_id=order_id)))
    assert list(fold.changed(table.load)) == ["C", "a", "b"]


def test_a_rejection_without_words_says_so():
    class Silent:
        def apply(self, state, event):
            raise Rejected

    failure = fold_over(Table(), projection=Silent()).apply(versions(1)[0])
    assert failure.detail == "the projection gave no reason"


def test_running_out_of_memory_is_nobodys_fault():
    class Greedy:
        def apply(self, state, event):
            raise MemoryError

    with pytest.raises(MemoryError):
        fold_over(Table(), projection=Greedy()).apply(versions(1)[0])


def test_a_projection_that_returns_nothing_is_named():
    class Forgetful:
        def apply(self, state, event):
            return None

    with pytest.raises(BadProjection, match=r"Forgetful\.apply returned None for 'note'"):
        fold_over(Table(), projection=Forgetful()).apply(versions(1)[0])


def test_a_projection_that_changes_its_mind_is_named():
    class Moody(Mutating):
        calls = 0

        def apply(self, state, event):
            self.calls += 1
            if self.calls == 3:
                raise ValueError("not again")
            return super().apply(state, event)

    table = Table(A=[1])
    fold = fold_over(table, "A", projection=Moody())
    fold.apply(versions(2)[0])
    fold.apply(bad(3))
    with pytest.raises(BadProjection, match=r"'A' at 1\.0: ValueError$"):
        fold.changed(table.load)


def test_bytes_from_the_lot_that_this_code_cannot_read_need_a_decision():
    failure = fold_over(Table()).apply(arrive(1, b"no event"))
    assert failure.reason is Reason.UNREADABLE
