"""Holds producers' receipts against the tables: what was acknowledged is applied, waiting, or on
record as skipped.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec

from consumer.audit.tables import Tables
from contract import InorderError

_AT_ONCE = 1_000
_NUMBER = re.compile(r"\d{1,128}", re.ASCII)


class BadReceipt(InorderError):
    """A line is no receipt; the message names it."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A producer's receipt as a line of JSON. `version` is the event's, for callers that send an
    event again under a new id; without it such a re-send cannot be told from a loss.
    """

    order_id: str
    event_id: UUID
    sequence_number: int | str
    sub_sequence_number: int = 0
    shard_id: str = ""
    version: int | None = None


class Whereabouts(StrEnum):
    """Where an acknowledged event is."""

    APPLIED = "applied"
    WAITING = "waiting"
    DECIDED = "decided"
    PRUNED = "pruned"
    """Older than what the ledger keeps of its order: it can no longer be told."""
    PENDING = "pending"
    """Not known, and its order has not come as far on the stream: not consumed yet."""
    MISSING = "missing"


def read_receipts(lines: Iterable[bytes]) -> Iterator[Receipt]:
    """The receipts of a JSONL file; raises `BadReceipt`. Blank lines are passed over."""
    decoder = msgspec.json.Decoder(Receipt)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            receipt = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadReceipt(f"line {number} is no receipt: {error}") from None
        if not _NUMBER.fullmatch(str(receipt.sequence_number)):
            raise BadReceipt(f"line {number}: sequence_number is no number")
        yield receipt


def whereabouts(
    *, applied: bool, waiting: bool, decided: bool, pruned: bool, passed: bool, drained: bool
) -> Whereabouts:
    """Where an event is. With `drained` the stream is known to be read to its end: nothing can be
    pending.
    """
    if applied:
        return Whereabouts.APPLIED
    if waiting:
        return Whereabouts.WAITING
    if decided:
        return Whereabouts.DECIDED
    if pruned:
        return Whereabouts.PRUNED
    return Whereabouts.MISSING if passed or drained else Whereabouts.PENDING


def check_receipts(
    tables: Tables, receipts: Iterable[Receipt], *, drained: bool
) -> Iterator[tuple[Receipt, Whereabouts]]:
    """Look each receipt's event up, a thousand at a time; raises `psycopg.Error`."""
    rest = iter(receipts)
    while group := list(islice(rest, _AT_ONCE)):
        for row in tables.known_receipts(_asked(group)):
            n, applied, waiting, decided, pruned, passed = row
            yield (
                group[n],
                whereabouts(
                    applied=applied,
                    waiting=waiting,
                    decided=decided,
                    pruned=pruned,
                    passed=passed,
                    drained=drained,
                ),
            )


def _asked(group: list[Receipt]) -> dict[str, list[Any]]:
    return {
        "ns": list(range(len(group))),
        "order_ids": [receipt.order_id for receipt in group],
        "ids": [receipt.event_id for receipt in group],
        "versions": [receipt.version for receipt in group],
        "sequence_numbers": [Decimal(receipt.sequence_number) for receipt in group],
        "sub_sequence_numbers": [receipt.sub_sequence_number for receipt in group],
    }
