"""What is asked of the tables and written into them, as the parallel arrays that statements take.

A sequence number travels as text: as a number, putting it into an array costs five times as much.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from consumer.arrays import Bigints, Instants, Texts, Uuids
from consumer.arrivals import Arrival
from consumer.order import Decided, Head, Waiting

_DETAIL_CHARACTERS = 2_000


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction writes beside its decisions.

    `code_version` goes with what it parks; if it `succeeded` in applying an event, that version
    fails no longer. `ended` is the environment whose marker it takes back.
    """

    code_version: str = ""
    succeeded: bool = False
    ended: UUID | None = None


class Asked:
    """The probes that a batch's events ask for, as parallel arrays."""

    def __init__(self, heads: Mapping[str, Head], lanes: Mapping[str, Sequence[Arrival]]) -> None:
        self._heads = heads
        self._lanes = lanes

    def of_ledger(self) -> dict[str, list[Any]]:
        """Every id, and the versions that the head has passed."""
        return self._identities(self._lanes, only_behind=True)

    def of_lot(self, order_ids: Iterable[str]) -> dict[str, list[Any]]:
        """Every id, version, and position of unreadable bytes."""
        lanes = {order_id: self._lanes[order_id] for order_id in order_ids}
        unreadable = [
            (order_id, arrival.position)
            for order_id, lane in lanes.items()
            for arrival in lane
            if arrival.event is None
        ]
        return self._identities(lanes, only_behind=False) | {
            "position_orders": [order_id for order_id, _ in unreadable],
            "sequence_numbers": [Decimal(position.sequence_number) for _, position in unreadable],
            "sub_sequence_numbers": [position.sub_sequence_number for _, position in unreadable],
        }

    def _identities(
        self, lanes: Mapping[str, Sequence[Arrival]], *, only_behind: bool
    ) -> dict[str, list[Any]]:
        id_orders, ids, version_orders, versions = Texts(), Uuids(), Texts(), Bigints()
        for order_id, lane in lanes.items():
            behind = self._heads[order_id].ordinal
            for arrival in lane:
                if arrival.event is None:
                    continue
                id_orders.append(order_id)
                ids.append(arrival.event.id)
                version = arrival.event.version
                if version is not None and (version <= behind or not only_behind):
                    version_orders.append(order_id)
                    versions.append(version)
        return {
            "id_orders": id_orders,
            "ids": ids,
            "version_orders": version_orders,
            "versions": versions,
        }


def ledger_rows(decisions: Iterable[Decided]) -> dict[str, list[Any]]:
    entries = [entry for decided in decisions for entry in decided.applied]
    arrivals = [entry.arrival for entry in entries]
    events = [arrival.event for arrival in arrivals if arrival.event is not None]
    return {
        "order_ids": Texts([event.order_id for event in events]),
        "ordinals": Bigints([entry.ordinal for entry in entries]),
        "ids": Uuids([event.id for event in events]),
        "digests": Bigints([arrival.digest for arrival in arrivals]),
        "times": Instants([event.time for event in events]),
        "types": Texts([event.type for event in events]),
        "sources": Texts([event.source for event in events]),
        "sequence_numbers": Texts([str(arrival.position.sequence_number) for arrival in arrivals]),
        "sub_sequence_numbers": Bigints(
            [arrival.position.sub_sequence_number for arrival in arrivals]
        ),
        "data": Texts([arrival.data.decode() for arrival in arrivals]),
    }


def head_rows(decisions: Iterable[Decided]) -> dict[str, list[Any]]:
    heads = [decided.head for decided in decisions]
    at = [head.position for head in heads]
    return {
        "head_orders": Texts([head.order_id for head in heads]),
        "head_versioned": [head.versioned for head in heads],
        "head_ordinals": Bigints([head.ordinal for head in heads]),
        "head_sequence_numbers": Texts([p and str(p.sequence_number) for p in at]),
        "head_sub_sequence_numbers": Bigints([p and p.sub_sequence_number for p in at]),
        "head_states": Texts([str(head.state) for head in heads]),
    }


def beside_rows(beside: Beside) -> dict[str, Any]:
    return {
        "succeeded": beside.code_version if beside.succeeded else None,
        "ended": beside.ended,
    }


def lot_rows(entries: Sequence[Waiting]) -> dict[str, list[Any]]:
    arrivals = [entry.arrival for entry in entries]
    return {
        "order_ids": [arrival.order_id for arrival in arrivals],
        "ranks": [entry.rank for entry in entries],
        "kinds": [str(entry.kind) for entry in entries],
        "reasons": [str(entry.failure.reason) for entry in entries],
        "details": [storable(entry.failure.detail) for entry in entries],
        "ids": [arrival.event and arrival.event.id for arrival in arrivals],
        "versions": [arrival.version for arrival in arrivals],
        "digests": [arrival.digest if arrival.event else None for arrival in arrivals],
        "partition_keys": [storable(arrival.partition_key) for arrival in arrivals],
        "sequence_numbers": [Decimal(arrival.position.sequence_number) for arrival in arrivals],
        "sub_sequence_numbers": [arrival.position.sub_sequence_number for arrival in arrivals],
        "payloads": [arrival.raw for arrival in arrivals],
    }


def refused_rows(entries: Sequence[Waiting]) -> dict[str, list[Any]]:
    return {
        "entry_ids": [entry.entry_id for entry in entries],
        "reasons": [str(entry.failure.reason) for entry in entries],
        "details": [storable(entry.failure.detail) for entry in entries],
    }


def storable(text: str) -> str:
    """Text that PostgreSQL takes whatever a producer wrote: what it cannot hold is escaped."""
    escaped = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    return escaped[:_DETAIL_CHARACTERS]
