"""Runs the transactions that replay one order's lot, under the rules of live traffic.

Blame, retry and time are those of `consumer.attempts`: an outage interrupts and counts as no
attempt; what makes the write fail is narrowed down to one entry, in a transaction of its own.
Markers are those of `consumer.delivery`, and killers are found as `consumer.apart` finds them: an
order of which a redrive may have died, or that has a known killer before it, is redriven in a
process apart, and an entry that enough deaths name is refused without being run.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from psycopg import Cursor

from consumer.apart.evidence import At, Evidence
from consumer.apart.witness import Inside, Witness
from consumer.attempts import Attempts, Interrupted
from consumer.careful import blame_for
from consumer.delivery import Delivery
from consumer.fold import Fold
from consumer.order import Failure, State, Waiting
from consumer.piecewise import killer
from consumer.redrive.lots import Bound, Lots, UnknownOrder
from consumer.redrive.turn import Lot, Turn, take_turn
from consumer.rows import Beside
from consumer.store import Store
from consumer.transaction import Transaction, TransactionFailed
from contract import Position

_LOCK_NOT_AVAILABLE = "55P03"


class Means(NamedTuple):
    """What every redrive works with. Without a `witness` nothing is run apart."""

    attempts: Attempts
    delivery: Delivery
    bound: Bound = Bound()
    witness: Witness | None = None


def replay(means: Means, order_id: str) -> Iterator[Turn]:
    """Every committed turn, until the lot is empty, something fails or a version is missing.

    Raises `UnknownOrder`, `Interrupted` when it cannot go on now, and `TransactionFailed`; what was
    yielded stays.
    """
    with means.delivery.running():
        suspicion = means.delivery.begin_redrive(order_id)
        killing = means.attempts.run(lambda transaction: _announce(transaction, order_id), events=1)
        if means.witness is not None and (suspicion or killing):
            yield from _apart(means, means.witness, order_id)
        else:
            yield from _turns(means.attempts, order_id, means.bound)
        means.delivery.finished(suspicion)


class OrderApart(msgspec.Struct, frozen=True, kw_only=True):
    """The redrive of an order as a process apart gets it."""

    order_id: str
    bound: Bound
    evidence: Evidence
    deaths: int

    def do(self, inside: Inside) -> None:
        """Say every committed turn; raises as `replay`."""
        inside.at(At(self.order_id))
        if self.evidence.suspects(self.order_id):
            turns = self._entry_by_entry(inside)
        else:
            turns = _turns(inside.attempts, self.order_id, self.bound)
        for turn in turns:
            inside.say(turn)

    def _entry_by_entry(self, inside: Inside) -> Iterator[Turn]:
        one = Bound(entries=1, bytes=self.bound.bytes)
        order_id, attempts = self.order_id, inside.attempts
        goes_on = True
        while goes_on:
            position = attempts.run(lambda t: _first_position(t, order_id), events=1)
            blame = killer(self.evidence, self.deaths, order_id, position)
            step = _Step(order_id, one, blame, only=position)
            inside.at(At(order_id, position if blame is None else None))
            try:
                turn = _known(order_id, attempts, step)
            except TransactionFailed as failed:
                turn = _known(order_id, attempts, step._replace(blame=blame_for(failed)))
            yield turn
            goes_on = turn.goes_on


def _apart(means: Means, witness: Witness, order_id: str) -> Iterator[Turn]:
    yield from witness.see_to(
        lambda evidence: OrderApart(
            order_id=order_id, bound=means.bound, evidence=evidence, deaths=witness.deaths
        )
    )


def rehearse(means: Means, order_id: str) -> Turn:
    """The first turn as it would be; nothing is written, and nothing is narrowed down.

    Raises as `replay` does.
    """
    return _known(order_id, means.attempts, _Step(order_id, means.bound, keep=False))


def _turns(attempts: Attempts, order_id: str, bound: Bound) -> Iterator[Turn]:
    entries = bound.entries
    goes_on = True
    while goes_on:
        part = Bound(entries=entries, bytes=bound.bytes)
        try:
            turn = _known(order_id, attempts, _Step(order_id, part))
        except TransactionFailed as failed:
            if entries > 1:
                entries //= 2
                continue
            turn = _known(order_id, attempts, _Step(order_id, part, blame_for(failed)))
        yield turn
        goes_on = turn.goes_on


def _known(order_id: str, attempts: Attempts, step: "_Step") -> Turn:
    turn = attempts.run(step.run, events=step.bound.entries)
    if turn is None:
        raise UnknownOrder(order_id)
    return turn


def busy(interrupted: Interrupted) -> bool:
    """Whether somebody else held the order's lock for longer than the role's `lock_timeout`."""
    return interrupted.sqlstate == _LOCK_NOT_AVAILABLE


class _Step(NamedTuple):
    """One transaction to be run, perhaps twice. With `keep` false it is rolled back.

    `only` is the position of the one entry that may be run.
    """

    order_id: str
    bound: Bound
    blame: Failure | None = None
    keep: bool = True
    only: Position | None = None

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
        beside = Beside(code_version=transaction.code.version, succeeded=bool(turn.applied))
        lots.write(store, turn, beside)
        if turn.refused is not None:
            lots.count_attempt(turn.refused, before=_before(lot, turn.refused).failure.reason)
        return turn


def _before(lot: Lot, refused: Waiting) -> Waiting:
    return next(entry for entry in lot.entries if entry.entry_id == refused.entry_id)


def _first_position(transaction: Transaction, order_id: str) -> Position | None:
    return transaction.atomically(lambda _, users: Lots(users).first_position(order_id))


def _announce(transaction: Transaction, order_id: str) -> bool:
    version = transaction.code.version
    return transaction.atomically(lambda _, users: Lots(users).announce(order_id, version))
