"""What each of the consumer's statements does to tables: SQL's meaning, by hand.

A statement is known by its name in `queries.sql`. Columns and parameters are read from its text,
and so are the words that make it safe (`for no key update`, `on conflict do nothing`, `order by`):
take them out of the SQL, and this does what PostgreSQL would then do. That both do the same is what
tests/conformance/database is for.
"""

from pathlib import Path

import consumer
from consumer.sql import read_statements
from tests.simulation.database import deciding, deliveries, live, redriving
from tests.simulation.database.statement import Catalogue, Run, Statement

_FILES: dict[str, dict[str, Run]] = {
    "queries.sql": {
        "connection_state": live.connection_state,
        "add_heads": live.add_heads,
        "lock_heads": live.lock_heads,
        "facts_in_ledger": live.facts_in_ledger,
        "facts_in_lot": live.facts_in_lot,
        "settled": live.settled,
        "waiting": live.waiting,
        "count_failing": live.count_failing,
        "advance": live.advance,
        "park": live.park,
        "unpark": live.unpark,
        "refuse": live.refuse,
    },
    "deliveries.sql": {
        "begin": deliveries.begin,
        "end": deliveries.end,
        "die": deliveries.die,
        "stop": deliveries.stop,
    },
    "redrive/queries.sql": {
        "lock_head": redriving.lock_head,
        "first_entries": redriving.first_entries,
        "first_position": redriving.first_position,
        "behind": redriving.behind,
        "facts": redriving.facts,
        "highest_applied": redriving.highest_applied,
        "count_attempt": redriving.count_attempt,
        "announce": redriving.announce,
        "move": redriving.move,
        "parked_orders": redriving.parked_orders,
    },
    "../ops/queries.sql": {
        "order_of_entry": deciding.order_of_entry,
        "read_entry": deciding.read_entry,
        "situation": deciding.situation,
        "pass_over": deciding.pass_over,
        "move_head": deciding.move_head,
        "remove": deciding.remove,
        "replace": deciding.replace,
        "record": deciding.record,
    },
}


def catalogue() -> Catalogue:
    """The statements of the consumer's `.sql` files, and of the operator's decisions."""
    folder = Path(consumer.__file__).parent
    return {
        variant: (known[name], Statement(name, variant))
        for file, known in _FILES.items()
        for name, text in read_statements(folder / file).items()
        if name in known
        for variant in (text, text.replace(" for no key update", ""))
    }
