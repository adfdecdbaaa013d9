"""The database port in memory: the same answers as PostgreSQL, for one invocation at a time."""

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import msgspec
from psycopg.errors import UniqueViolation

from consumer.arrivals import Arrival
from consumer.order import Decided, Fact, Head, Kind, Order, State, Waiting
from consumer.rows import Beside
from tests.consuming.tables import Applied, Parked, Tables


class MemoryDatabase:
    """Ledger, heads, lot and journal; a transaction that raises leaves them as they were."""

    pipelines = False
    refused = None

    def __init__(self) -> None:
        self.heads: dict[str, Head] = {}
        self.ledger: dict[str, list[tuple[int, Arrival]]] = {}
        self.lot: dict[str | None, list[Waiting]] = {}
        self.journal: dict[str, list[str]] = {}
        self._entry_ids = count(1)

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    @contextmanager
    def transaction(self) -> Iterator[tuple[Any, Any]]:
        kept = copy.copy(self.heads), *map(copy.deepcopy, (self.ledger, self.lot, self.journal))
        try:
            yield self, self.journal
        except BaseException:
            self.heads, self.ledger, self.lot, self.journal = kept
            raise

    def lock(self, order_ids: Sequence[str]) -> dict[str, Head]:
        return {o: self.heads.setdefault(o, Head(order_id=o)) for o in order_ids}

    def ask(
        self, heads: Mapping[str, Head], lanes: Mapping[str, Sequence[Arrival]], *, drain: int
    ) -> Callable[[], dict[str, Order]]:
        return lambda: self.look_up(heads, lanes, drain=drain)

    def look_up(
        self, heads: Mapping[str, Head], lanes: Mapping[str, Sequence[Arrival]], *, drain: int
    ) -> dict[str, Order]:
        return {order_id: self._order(head, drain) for order_id, head in heads.items()}

    def write(
        self,
        decisions: Collection[Decided],
        strays: Iterable[Waiting] = (),
        _: Beside | None = None,
    ) -> None:
        for decided in decisions:
            order_id = decided.head.order_id
            self.heads[order_id] = decided.head
            rows = self.ledger.setdefault(order_id, [])
            rows.extend((entry.ordinal, entry.arrival) for entry in decided.applied)
            if len({arrival.event.id for _, arrival in rows}) < len(rows):
                raise UniqueViolation("an id for the second time in one order")
            refused = {entry.entry_id: entry for entry in decided.refused}
            self.lot[order_id] = [
                refused.get(entry.entry_id, entry)
                for entry in self.lot.get(order_id, ())
                if entry.entry_id not in decided.drained
            ]
            self._park(order_id, decided.parked)
        self._park(None, strays)

    def tables(self) -> Tables:
        return Tables(
            {o: (h.versioned, h.ordinal, str(h.state)) for o, h in self.heads.items()},
            {
                o: [Applied(n, a.event.id, a.digest, tuple(a.position)) for n, a in rows]
                for o, rows in self.ledger.items()
                if rows
            },
            {
                o: [
                    Parked(
                        e.rank,
                        str(e.kind),
                        str(e.failure.reason),
                        e.arrival.raw,
                        tuple(e.arrival.position),
                    )
                    for e in entries
                ]
                for o, entries in self.lot.items()
                if entries
            },
            self.journal,
        )

    def _order(self, head: Head, drain: int) -> Order:
        entries = [] if head.state is State.OPEN else self.lot.get(head.order_id, [])
        waiting = [entry for entry in entries if entry.kind is not Kind.STRAY]
        blocked = any(entry.kind is Kind.BLOCKER for entry in waiting)
        facts = [
            Fact(a.event.id, n if head.versioned else None, a.digest)
            for n, a in self.ledger.get(head.order_id, ())
        ]
        facts += [
            Fact(e.arrival.event.id, e.arrival.version, e.arrival.digest)
            for e in entries
            if e.arrival.event is not None
        ]
        return Order(
            head=head,
            facts=tuple(facts),
            positions=frozenset(e.arrival.position for e in entries if e.arrival.event is None),
            waiting=() if blocked else tuple(waiting[: drain + 1]),
            blocked=blocked,
            last_rank=max((entry.rank for entry in waiting), default=0),
        )

    def _park(self, order_id: str | None, entries: Iterable[Waiting]) -> None:
        lot = self.lot.setdefault(order_id, [])
        for entry in entries:
            if entry.arrival.position not in [known.arrival.position for known in lot]:
                lot.append(msgspec.structs.replace(entry, entry_id=next(self._entry_ids)))
        lot.sort(key=lambda entry: entry.place)
