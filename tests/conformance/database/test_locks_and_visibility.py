"""What the consumer's transactions rest on: locks, visibility, unique keys, and how they fail."""

from contextlib import suppress

import psycopg
import pytest
from psycopg import errors

from consumer.order import Decided, Entry, Failure, Head, Kind, Reason, State, Waiting
from tests.conformance.database.servers import call, store_of
from tests.consuming.events import arrive, make_event


def lock(client, *order_ids):
    with store_of(client) as store:
        return store.lock(list(order_ids))


def write(store, arrival, ordinal, *, state=State.OPEN, parked=()):
    """Apply one event at this place of its order."""
    head = Head(
        order_id=arrival.order_id,
        versioned=True,
        ordinal=ordinal,
        position=arrival.position,
        state=state,
    )
    applied = () if parked else (Entry(arrival, ordinal),)
    store.write([Decided(head=head, applied=applied, parked=tuple(parked))], ())


def apply(client, arrival, ordinal):
    with store_of(client) as store:
        store.lock([arrival.order_id])
        write(store, arrival, ordinal)


def waiting(arrival, *, rank=1, kind=Kind.BLOCKER):
    return Waiting(arrival=arrival, rank=rank, kind=kind, failure=Failure(Reason.REJECTED, "no"))


class Held:
    """A transaction that is begun, does something, and stays open until it is told how to end."""

    def __init__(self, client, work):
        self._client = client
        self._block = None
        call(client, lambda: self._begin(work))

    def _begin(self, work):
        self._block = store_of(self._client)
        work(self._block.__enter__())
        self._client.connection.settle()

    def commit(self):
        call(self._client, lambda: self._block.__exit__(None, None, None))

    def roll_back(self):
        def leave():
            with suppress(RuntimeError):
                self._block.__exit__(RuntimeError, RuntimeError("rolled back"), None)

        call(self._client, leave)


def test_a_missing_head_is_made_and_a_known_one_is_read_back(database):
    client = database.client()
    assert call(client, lambda: lock(client, "A")) == {"A": Head(order_id="A")}
    call(client, lambda: apply(client, arrive(7, make_event(1)), 1))
    heads = call(client, lambda: lock(client, "A", "B"))
    assert (heads["A"].ordinal, heads["A"].versioned, heads["B"].ordinal) == (1, True, 0)


def test_a_locked_head_is_waited_for_and_read_as_it_is_afterwards(database):
    first, second = database.client(), database.client()
    call(first, lambda: lock(first, "A"))
    held = Held(first, lambda store: (store.lock(["A"]), write(store, arrive(3, make_event(1)), 1)))
    locking = second.start(lambda: lock(second, "A"))
    assert locking.waits()
    held.commit()
    assert locking.result()["A"].ordinal == 1


def test_of_two_that_make_the_same_head_one_waits_and_finds_it(database):
    first, second = database.client(), database.client()
    held = Held(first, lambda store: (store.lock(["A"]), write(store, arrive(3, make_event(1)), 1)))
    locking = second.start(lambda: lock(second, "A", "B"))
    assert locking.waits()
    held.commit()
    heads = locking.result()
    assert (heads["A"].ordinal, heads["B"].ordinal) == (1, 0)


def test_of_two_that_make_the_same_head_one_makes_it_if_the_other_gives_up(database):
    first, second = database.client(), database.client()
    held = Held(first, lambda store: (store.lock(["A"]), write(store, arrive(3, make_event(1)), 1)))
    locking = second.start(lambda: lock(second, "A"))
    assert locking.waits()
    held.roll_back()
    assert locking.result()["A"].ordinal == 0


def test_locks_that_are_taken_in_any_order_end_in_a_deadlock(database):
    first, second, third = (database.client() for _ in range(3))
    call(third, lambda: lock(third, "A", "B"))

    def begin(client, order_id):
        block = store_of(client)
        store = block.__enter__()
        store.lock([order_id])
        return block, store

    block_a, store_a = call(first, lambda: begin(first, "A"))
    block_b, store_b = call(second, lambda: begin(second, "B"))

    def go_on(block, store, order_id):
        try:
            store.lock([order_id])
        except psycopg.Error as error:
            with suppress(psycopg.Error):
                block.__exit__(type(error), error, None)
            return error.sqlstate
        block.__exit__(None, None, None)
        return "went on"

    one = first.start(lambda: go_on(block_a, store_a, "B"))
    assert one.waits()
    other = second.start(lambda: go_on(block_b, store_b, "A"))
    assert {other.result(), one.result()} == {"40P01", "went on"}


def test_who_waits_too_long_for_a_lock_is_told_so(database):
    first, second = database.client(), database.client()
    held = Held(first, lambda store: store.lock(["A"]))
    locking = second.start(lambda: lock(second, "A"))
    assert locking.waits()
    with pytest.raises(errors.LockNotAvailable):
        locking.result()
    held.commit()


def test_a_rollback_leaves_nothing_but_the_numbers_it_used(database):
    client = database.client()
    held = Held(
        client,
        lambda store: (
            store.lock(["A"]),
            write(store, arrive(3, b"{"), 0, parked=[waiting(arrive(3, b"{"))]),
        ),
    )
    held.roll_back()

    def park_and_look():
        with store_of(client) as store:
            store.lock(["A"])
            parked = [waiting(arrive(3, b"{"), kind=Kind.GAP)]
            write(store, arrive(3, b"{"), 0, state=State.PARKED, parked=parked)
        with store_of(client) as store:
            heads = store.lock(["A"])
            return store.look_up(heads, {"A": ()}, drain=5)["A"].waiting

    (entry,) = call(client, park_and_look)
    assert entry.entry_id == 2


def test_what_is_not_committed_is_seen_by_nobody_else(database):
    first, second = database.client(), database.client()
    event = make_event(1)
    call(first, lambda: lock(first, "A"))
    held = Held(first, lambda store: write(store, arrive(3, event), 1))

    def known():
        with store_of(second) as store:
            heads = {"A": Head(order_id="A", ordinal=1)}
            return store.look_up(heads, {"A": (arrive(9, event),)}, drain=1)["A"].facts

    assert call(second, known) == ()
    held.commit()
    assert {fact.id for fact in call(second, known)} == {event.id}


@pytest.mark.parametrize(
    ("again", "ordinal"),
    [(make_event(1, name="other"), 1), (make_event(1), 2)],
    ids=["the same place", "the same id"],
)
def test_the_ledger_takes_a_place_and_an_id_once(database, again, ordinal):
    client = database.client()
    call(client, lambda: apply(client, arrive(1, make_event(1)), 1))
    with pytest.raises(errors.UniqueViolation):
        call(client, lambda: apply(client, arrive(2, again), ordinal))


def test_trap_13_another_order_may_use_the_same_id(database):
    client = database.client()
    for order_id in ("A", "B"):
        event = make_event(1, name="shared", order_id=order_id)
        event = type(event)(
            **{f: getattr(event, f) for f in event.__struct_fields__ if f != "id"},
            id=make_event(1, name="shared").id,
        )
        call(client, lambda event=event: apply(client, arrive(1, event), 1))


def test_two_that_write_the_same_ledger_row_wait_for_each_other(database):
    first, second = database.client(), database.client()
    call(first, lambda: lock(first, "A", "B"))
    arrival = arrive(1, make_event(1))
    held = Held(first, lambda store: write(store, arrival, 1))
    writing = second.start(lambda: apply(second, arrival, 1))
    assert writing.waits()
    held.commit()
    with pytest.raises(errors.UniqueViolation):
        writing.result()


def test_after_an_error_a_transaction_takes_nothing_more(database):
    client = database.client()
    call(client, lambda: apply(client, arrive(1, make_event(1)), 1))

    def go_on():
        with store_of(client) as store:
            write(store, arrive(2, make_event(1)), 1)
            with pytest.raises(errors.UniqueViolation):
                client.connection.settle()
            store.lock(["A"])

    with pytest.raises(errors.InFailedSqlTransaction):
        call(client, go_on)
    assert call(client, lambda: lock(client, "A"))["A"].ordinal == 1


def test_a_read_only_node_refuses_to_write_as_psycopg_says_it(database):
    client = database.client(read_only=True)
    with pytest.raises(psycopg.InternalError) as refused:
        call(client, lambda: lock(client, "A"))
    assert refused.value.sqlstate == "25006"


def test_a_session_that_was_ended_is_found_broken(database):
    client, other = database.client(), database.client()
    held = Held(client, lambda store: store.lock(["A"]))
    locking = other.start(lambda: lock(other, "A"))
    assert locking.waits()
    database.end(client)
    assert locking.result()["A"].ordinal == 0
    with pytest.raises(psycopg.OperationalError):
        held.commit()
    assert client.connection.closed
    with pytest.raises(psycopg.OperationalError):
        call(client, lambda: lock(client, "A"))


def test_whoever_is_ended_while_waiting_says_so(database):
    first, second = database.client(), database.client()
    held = Held(first, lambda store: store.lock(["A"]))
    locking = second.start(lambda: lock(second, "A"))
    assert locking.waits()
    database.end(second)
    with pytest.raises(psycopg.OperationalError):
        locking.result()
    held.commit()


def test_the_same_bytes_of_no_order_are_parked_once_however_many_do(database):
    first, second = database.client(), database.client()
    stray = Waiting(
        arrival=arrive(5, b"\xff", partition_key="x" * 300),
        rank=0,
        kind=Kind.STRAY,
        failure=Failure(Reason.UNREADABLE, "no"),
    )
    assert stray.arrival.order_id is None

    def park(client):
        with store_of(client) as store:
            store.write([], [stray])

    held = Held(first, lambda store: store.write([], [stray]))
    parking = second.start(lambda: park(second))
    assert parking.waits()
    held.commit()
    parking.result()
