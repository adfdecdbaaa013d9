"""`inorder redrive`: replay what waits, head first."""

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from consumer.database import Database
from consumer.order import Reason
from consumer.redrive.orders import Redriven, Which, redrive_order, redrive_orders
from consumer.redrive.replay import Means
from consumer.redrive.report import as_row
from consumer.redrive.turn import Turn
from ops.connection import database, redriving, rows
from ops.decisions import Refused
from ops.options import Json
from ops.output import progress, say, show_json, show_table

_COLUMNS = ("order_id", "applied", "duplicates", "state", "refused", "waits_for_version", "problem")


def redrive(
    *,
    order: Annotated[str | None, Parameter(help="This order")] = None,
    reason: Annotated[str | None, Parameter(help="Orders blocked for this reason")] = None,
    all_: Annotated[
        bool, Parameter(name="--all", negative="", help="Every parked order without a killer")
    ] = False,
    dry_run: Annotated[
        bool, Parameter(negative="", help="Say what the first transaction would do; write nothing")
    ] = False,
    json: Json = False,
) -> int:
    """Replay parked orders head first, each until it is empty or something fails."""
    if sum((order is not None, reason is not None, all_)) != 1:
        raise Refused("say one of --order, --reason and --all")
    which = Which(reason=None if reason is None else _reason(reason))
    with database() as opened:
        found = list(_redriven(opened, redriving(opened), order, which, dry_run=dry_run))
    return _show(found, json=json, dry_run=dry_run)


def go_on(opened: Database, order_id: str, done: str, *, json: bool) -> int:
    """After a decision: replay the order, and say both."""
    redriven = redrive_order(redriving(opened), order_id)
    if json:
        show_json({"done": done, **_row(redriven)})
    else:
        say(f"{done}; {sentence(redriven)}")
    return int(redriven.stopped)


def sentence(done: Redriven) -> str:
    """What became of one order, in words."""
    events = f"{done.applied} event{'' if done.applied == 1 else 's'}"
    said = f"order {done.order_id!r}: {events} applied, now {done.state or 'as it was'}"
    if done.refused is not None:
        failure = done.refused.failure
        said += f"; entry {done.refused.entry_id} still fails: {failure.reason}: {failure.detail}"
    if done.waits_for is not None:
        said += f"; it waits for version {done.waits_for}"
    return f"{said}; {done.problem}" if done.problem else said


def _redriven(
    opened: Database, means: Means, order: str | None, which: Which, *, dry_run: bool
) -> Iterator[Redriven]:
    with progress() as bar:
        task = bar.add_task("redriving", total=None)

        def on_turn(turn: Turn) -> None:
            bar.advance(task, len(turn.removed))

        if order is not None:
            waiting = rows(opened, "entries_waiting", order_id=order)[0]["entries"]
            bar.update(task, total=waiting, description=f"events of {order}")
            yield redrive_order(means, order, dry_run=dry_run, on_turn=on_turn)
            return
        bar.update(task, description="orders")
        for done in redrive_orders(means, which, dry_run=dry_run):
            bar.advance(task)
            yield done


def _show(found: list[Redriven], *, json: bool, dry_run: bool) -> int:
    stopped = sum(done.stopped for done in found)
    if json:
        show_json({"dry_run": dry_run, "orders": [_row(done) for done in found]})
        return int(stopped > 0)
    if len(found) == 1:
        say(f"{'would be: ' if dry_run else ''}{sentence(found[0])}")
    elif found:
        title = "Dry run: the first transaction of each order" if dry_run else "Redriven"
        show_table(title, _COLUMNS, (_row(done) for done in found))
    applied = sum(done.applied for done in found)
    if len(found) != 1:
        say(f"{len(found)} orders, {applied} events applied, {stopped} orders still need somebody")
    return int(stopped > 0)


def _row(done: Redriven) -> dict[str, Any]:
    failure = None if done.refused is None else done.refused.failure
    refused = None if failure is None else f"{failure.reason}: {failure.detail}"
    return as_row(done) | {"refused": refused}


def _reason(name: str) -> Reason:
    try:
        return Reason(name)
    except ValueError:
        raise Refused(f"reason {name!r} is none of {', '.join(Reason)}") from None
