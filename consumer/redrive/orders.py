"""Redrives one order, or every parked order that was asked for, and says what became of each."""

from collections.abc import Callable, Iterator

import msgspec

from consumer.attempts import Interrupted
from consumer.order import Reason, State, Waiting
from consumer.redrive.lots import parked_orders
from consumer.redrive.replay import Means, busy, rehearse, replay
from consumer.redrive.turn import Turn
from consumer.transaction import TransactionFailed

_PAGE = 1_000

OnTurn = Callable[[Turn], None]


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """Which parked orders: those with a blocker of this reason, or only those that wait for
    nothing but somebody to go on (`drainable`), or whose blocker may have been the fault of
    another version of the code (`outdated`), or all but those with a killer.
    """

    reason: Reason | None = None
    drainable: bool = False
    outdated: bool = False

    @property
    def name(self) -> str:
        """The word that the statement knows."""
        named = {"reason": self.reason, "drainable": self.drainable, "outdated": self.outdated}
        return next((name for name, wanted in named.items() if wanted), "all")


class Redriven(msgspec.Struct, frozen=True, kw_only=True):
    """What a redrive did to one order. In a dry run: what its first transaction would do.

    `refused` is the entry that failed, `waits_for` the version that is missing, `problem` why
    nothing more could be done now; the order's state is None where it is not known.
    """

    order_id: str
    applied: int = 0
    duplicates: int = 0
    state: State | None = None
    refused: Waiting | None = None
    waits_for: int | None = None
    problem: str = ""

    @property
    def stopped(self) -> bool:
        """Whether the order still needs somebody."""
        return self.refused is not None or bool(self.problem)


def redrive_order(
    means: Means,
    order_id: str,
    *,
    dry_run: bool = False,
    on_turn: OnTurn = lambda _: None,
) -> Redriven:
    """Replay one order's lot, as far as it goes.

    Raises `UnknownOrder`, and `Interrupted` when the database or the time does not allow to go on.
    An order that is held by somebody else is no error: `problem` says so.
    """
    done = Redriven(order_id=order_id)
    try:
        turns = [rehearse(means, order_id)] if dry_run else replay(means, order_id)
        for turn in turns:
            done = _after(done, turn)
            on_turn(turn)
    except Interrupted as interrupted:
        if not busy(interrupted):
            raise
        return msgspec.structs.replace(done, problem="busy: somebody else holds this order")
    except TransactionFailed as failed:
        return msgspec.structs.replace(done, problem=str(failed))
    return done


def redrive_orders(
    means: Means,
    which: Which,
    *,
    dry_run: bool = False,
    on_turn: OnTurn = lambda _: None,
) -> Iterator[Redriven]:
    """Replay every such order once, in the order of their IDs; raises as `redrive_order`."""
    for order_id in _pages(means, which):
        yield redrive_order(means, order_id, dry_run=dry_run, on_turn=on_turn)


def _pages(means: Means, which: Which) -> Iterator[str]:
    after = ""
    while True:
        page = _page(means, which, after)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1]


def _page(means: Means, which: Which, after: str) -> list[str]:
    reason = None if which.reason is None else str(which.reason)
    return means.attempts.run(
        lambda transaction: transaction.atomically(
            lambda _, users: parked_orders(
                users,
                which=which.name,
                reason=reason,
                code_version=transaction.code.version,
                after=after,
                limit=_PAGE,
            )
        ),
        events=1,
    )


def _after(done: Redriven, turn: Turn) -> Redriven:
    return Redriven(
        order_id=done.order_id,
        applied=done.applied + len(turn.applied),
        duplicates=done.duplicates + turn.duplicates,
        state=turn.head.state,
        refused=turn.refused,
        waits_for=turn.waits_for,
    )
