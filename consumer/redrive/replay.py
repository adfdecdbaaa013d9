"""Runs the transactions that replay one order's lot, under the rules of live traffic.

Blame, retry and time are those of `consumer.attempts`: an outage interrupts and counts as no
attempt; what makes the write fail is narrowed down to one entry, in a transaction of its own.
Markers are those of `consumer.delivery`: a redrive that dies leaves word which order it was at, the
next one goes entry by entry, and an entry that enough deaths name is refused without being run.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from consumer.attempts import Attempts, Interrupted
from consumer.careful import blame_for
from consumer.delivery import Delivery
from consumer.fold import Fold
from consumer.marked import killer
from consumer.order import Failure, State, Waiting
from consumer.redrive.lots import Bound, Lots, UnknownOrder
from consumer.redrive.turn import Lot, Turn, take_turn
from consumer.store import Beside, Store
from consumer.suspicion import Suspicion
from consumer.transaction import Transaction, TransactionFailed
from contract import Position

_LOCK_NOT_AVAILABLE = "55P03"


class Means(NamedTuple):
    """What every redrive works with. An entry that `killer_deaths` name is refused unrun."""

    attempts: Attempts
    delivery: Delivery
    bound: Bound = Bound()
    killer_deaths: int = 3


def replay(means: Means, order_id: str) -> Iterator[Turn]:
    """Every committed turn, until the lot is empty, something fails or a version is missing.

    Raises `UnknownOrder`, `Interrupted` when it cannot go on now, and `TransactionFailed`; what was
    yielded stays.
    """
    with means.delivery.running():
        suspicion = means.delivery.begin((), (order_id,))
        means.attempts.run(lambda transaction: _announce(transaction, order_id), events=1)
        if suspicion.suspects(order_id):
            turns = _entry_by_entry(means, order_id, suspicion)
        else:
            means.delivery.name(order_id)
            turns = _many_at_once(means, order_id)
        for turn in turns:
            yield turn
            if not turn.goes_on:
                return


def rehearse(means: Means, order_id: str) -> Turn:
    """The first turn as it would be; nothing is written, and nothing is narrowed down.

    Raises as `replay` does.
    """
    return _known(order_id, means.attempts, _Step(order_id, means.bound, keep=False))


def _many_at_once(means: Means, order_id: str) -> Iterator[Turn]:
    entries = means.bound.entries
    while True:
        part = Bound(entries=entries, bytes=means.bound.bytes)
        try:
            turn = _known(order_id, means.attempts, _Step(order_id, part))
        except TransactionFailed as failed:
            if entries > 1:
                entries //= 2
                continue
            turn = _known(order_id, means.attempts, _Step(order_id, part, blame_for(failed)))
        yield turn


def _entry_by_entry(means: Means, order_id: str, suspicion: Suspicion) -> Iterator[Turn]:
    one = Bound(entries=1, bytes=means.bound.bytes)
    while True:
        position = means.attempts.run(lambda t: _first_position(t, order_id), events=1)
        blame = killer(suspicion, means.killer_deaths, order_id, position)
        forget = suspicion.markers.get((order_id, position), ()) if position else ()
        step = _Step(order_id, one, blame, only=position, forget=forget)
        if blame is None:
            means.delivery.name(order_id, position)
        try:
            yield _known(order_id, means.attempts, step)
        except TransactionFailed as failed:
            yield _known(order_id, means.attempts, step._replace(blame=blame_for(failed)))


def _known(order_id: str, attempts: Attempts, step: "_Step") -> Turn:
    turn = attempts.run(step.run, events=step.bound.entries)
    if turn is None:
        raise UnknownOrder(order_id)
    return turn


def busy(interrupted: Interrupted) -> bool:
    """Whether somebody else held the order's lock for longer than the role's `lock_timeout`."""
    return getattr(interrupted.__cause__, "sqlstate", None) == _LOCK_NOT_AVAILABLE


class _Step(NamedTuple):
    """One transaction to be run, perhaps twice. With `keep` false it is rolled back.

    `only` is the position of the one entry that may be run; the markers of the environments in
    `forget` end with the commit.
    """

    order_id: str
    bound: Bound
    blame: Failure | None = None
    keep: bool = True
    only: Position | None = None
    forget: tuple[UUID, ...] = ()

    def run(self, transaction: Transaction) -> Turn | None:
        return transaction.atomically(lambda store, users: self._within(transaction, store, users))

    def _within(self, transaction: Transaction, store: Store, users: Cursor[Any]) -> Turn | None:
        with users.connection.cursor(binary=True) as own:
            if self.keep:
                return self._turn(transaction, store, users, Lots(own))
            with users.connection.transaction(force_rollback=True):
                return self._turn(transaction, store, users, Lots(own))

    def _turn(
        self, transaction: Transaction, store: Store, users: Cursor[Any], lots: Lots
    ) -> Turn | None:
        head = lots.lock(self.order_id)
        if head is None:
            return None
        if head.state is not State.PARKED:
            return Turn(head=head, waits_for=head.ordinal + 1 if head.state is State.GAP else None)
        lot = lots.first(head, self.bound)
        if self.only and (not lot.entries or lot.entries[0].arrival.position != self.only):
            return Turn(head=head, goes_on=True)  # somebody else has gone on meanwhile
        states = transaction.load(users, [] if self.blame else [self.order_id])
        fold = Fold(transaction.projection, states)
        turn = take_turn(lot, fold.apply, blame=self.blame)
        transaction.save(users, fold)
        beside = Beside(
            code_version=transaction.code.version,
            succeeded=bool(turn.applied),
            forgotten=self.forget,
        )
        lots.write(store, turn, beside)
        if turn.refused is not None:
            lots.count_attempt(turn.refused, before=_before(lot, turn.refused).failure.reason)
        return turn


def _before(lot: Lot, refused: Waiting) -> Waiting:
    return next(entry for entry in lot.entries if entry.entry_id == refused.entry_id)


def _first_position(transaction: Transaction, order_id: str) -> Position | None:
    return transaction.atomically(lambda _, users: Lots(users).first_position(order_id))


def _announce(transaction: Transaction, order_id: str) -> None:
    version = transaction.code.version
    transaction.atomically(lambda _, users: Lots(users).announce(order_id, version))
