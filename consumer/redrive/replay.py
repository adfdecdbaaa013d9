"""Runs the transactions that replay one order's lot, under the rules of live traffic.

Blame, retry and time are those of `consumer.attempts`: an outage interrupts and counts as no
attempt; what makes the write fail is narrowed down to one entry, in a transaction of its own.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg import Cursor

from consumer.attempts import Attempts, Interrupted
from consumer.careful import blame_for
from consumer.fold import Fold
from consumer.order import Failure, State, Waiting
from consumer.redrive.lots import Bound, Lots, UnknownOrder
from consumer.redrive.turn import Lot, Turn, take_turn
from consumer.store import Store
from consumer.transaction import Transaction, TransactionFailed

_LOCK_NOT_AVAILABLE = "55P03"


def replay(attempts: Attempts, order_id: str, bound: Bound) -> Iterator[Turn]:
    """Every committed turn, until the lot is empty, something fails or a version is missing.

    Raises `UnknownOrder`, `Interrupted` when it cannot go on now, and `TransactionFailed`; what was
    yielded stays.
    """
    attempts.run(lambda transaction: _announce(transaction, order_id), events=1)
    entries = bound.entries
    while True:
        part = Bound(entries=entries, bytes=bound.bytes)
        try:
            turn = attempts.run(_Step(order_id, part).run, events=entries)
        except TransactionFailed as failed:
            if entries > 1:
                entries //= 2
                continue
            turn = attempts.run(_Step(order_id, part, blame_for(failed)).run, events=entries)
        if turn is None:
            raise UnknownOrder(order_id)
        yield turn
        if not turn.goes_on:
            return


def rehearse(attempts: Attempts, order_id: str, bound: Bound) -> Turn:
    """The first turn as it would be; nothing is written, and nothing is narrowed down.

    Raises as `replay` does.
    """
    turn = attempts.run(_Step(order_id, bound, keep=False).run, events=bound.entries)
    if turn is None:
        raise UnknownOrder(order_id)
    return turn


def busy(interrupted: Interrupted) -> bool:
    """Whether somebody else held the order's lock for longer than the role's `lock_timeout`."""
    return getattr(interrupted.__cause__, "sqlstate", None) == _LOCK_NOT_AVAILABLE


class _Step(NamedTuple):
    """One transaction to be run, perhaps twice. With `keep` false it is rolled back."""

    order_id: str
    bound: Bound
    blame: Failure | None = None
    keep: bool = True

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
        states = transaction.load(users, [] if self.blame else [self.order_id])
        fold = Fold(transaction.projection, states)
        turn = take_turn(lot, fold.apply, blame=self.blame)
        transaction.save(users, fold)
        lots.write(store, turn)
        if turn.refused is not None:
            lots.count_attempt(turn.refused, before=_known(lot, turn.refused).failure.reason)
        return turn


def _known(lot: Lot, refused: Waiting) -> Waiting:
    return next(entry for entry in lot.entries if entry.entry_id == refused.entry_id)


def _announce(transaction: Transaction, order_id: str) -> None:
    transaction.atomically(lambda _, users: Lots(users).announce(order_id))
