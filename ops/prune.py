"""`inorder prune`: remove what the ledger no longer has to remember."""

from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter

from consumer.retention.ledger import Ledger
from consumer.retention.pruner import Pruner, Terms
from ops.connection import database
from ops.decisions import Refused
from ops.options import Json
from ops.output import say, show_json


def prune(
    *,
    keep_days: Annotated[
        int, Parameter(help="Remove rows applied longer ago; never fewer days than events may come")
    ],
    seconds: Annotated[float, Parameter(help="How long to work at most")] = 60.0,
    json: Json = False,
) -> int:
    """Remove audited rows from the ledger that are older than it is kept, beside the stream.

    The auditor's function does so by its schedule; this begins a pass now, or goes on with one.
    """
    if keep_days < 1:
        raise Refused("--keep-days: at least 1; nothing is pruned unless somebody asks")
    terms = Terms(keep=timedelta(days=keep_days), seconds=seconds)
    with database() as opened:
        done = Pruner(Ledger(opened)).run(terms, now=True)
    if json:
        show_json({"rows": done.rows, "blocks": done.blocks, "finished": done.finished})
        return 0
    say(f"{done.rows} rows removed, {done.blocks} blocks of the ledger looked at")
    if not done.finished:
        say("the time is up before the end of the ledger; the next run goes on from here")
    return 0
