"""What an operator has decided: meant by somebody, and on the record of a commit."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.simulation.checker.record import Change, OrderRecord, Row, original
from tests.simulation.scenario import Item


class Decisions:
    """`meant` says what is about to be tried; it counts once a commit has it on the record."""

    def __init__(
        self, records: Callable[[str | None], OrderRecord], items: Mapping[bytes, Item]
    ) -> None:
        self.droppable: set[bytes] = set()
        """Payloads of entries that were skipped."""
        self._records = records
        self._items = items
        self._meant: dict[tuple[str, Any], Row] = {}

    def meant(self, action: str, what: Any, row: Row) -> None:
        """`what` is the entry's id; of a gap its order, and up to where it is closed."""
        self._meant[action, what] = row

    def take(self, changes: Iterable[Change]) -> str | None:
        """Take in what these commit; says what is wrong with it."""
        for table, _, before, after in changes:
            if table != "decision" or after is None:
                continue
            known = 0 if before is None else len(before["all"])
            for given in after["all"][known:]:
                if not self._take(given):
                    return f"P1: nobody decided to {given['action']}: {given}"
        return None

    def _take(self, given: Row) -> bool:
        action = given["action"]
        gap = given["order_id"], given["up_to"]
        row = self._meant.get((action, gap if action == "close_gap" else given["entry_id"]))
        if row is None:
            return False
        record = self._records(given["order_id"])
        record.decided = True
        if action == "close_gap":
            record.passed.update(range(given["ordinal_before"] + 1, given["up_to"] + 1))
        elif action == "skip":
            self._skip(record, row)
        return True

    def _skip(self, record: OrderRecord, row: Row) -> None:
        self.droppable.add(row["payload"])
        item = self._items.get(row["payload"])
        if item is not None:  # unreadable bytes wait under their partition key
            self._records(item.order_id).skipped.add(original(item))
            record.passed.add(item.version or 0)
        record.passed.add(row["rank"])
