"""Applies a batch: chunk by chunk, against faults and the clock.

An error is met in one of three ways (`faults`). *Transient*: reconnect and try once more, then
leave the rest to the event source mapping, which sends it again. *Stop*: the same without the
second try. Neither parks anything. *Data*: careful mode finds the event to blame and parks it.
A batch of which a process may have died is applied in a process apart (`consumer.apart`).

What is committed when time runs out stays. The checkpoint is the first record with anything
unfinished in it; what lies committed behind it comes again and is recognised as duplicate.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from consumer.apart.evidence import Evidence
from consumer.apart.witness import Inside, Witness
from consumer.arrivals import Record
from consumer.attempts import Attempts, Interrupted, Stopped
from consumer.careful import Careful
from consumer.delivery import Delivery, Unmarked
from consumer.deploys import BadDeploy, Code, Failing, must_stop
from consumer.lanes import Lanes, chunks, lanes
from consumer.piecewise import Piecewise
from consumer.terms import Committed
from consumer.transaction import TransactionFailed
from contract import Position


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch.

    `checkpoint` is the sequence number of the first record that is not finished, None if all are;
    `problem` why it is not, or why lots were left to be drained later. `suspected`: what others
    left behind made it careful.
    """

    checkpoint: str | None
    committed: tuple[Committed, ...]
    problem: Interrupted | TransactionFailed | None = None
    suspected: bool = False


class Done(NamedTuple):
    """What a process apart has committed, and which arrivals are finished with it."""

    committed: Committed
    finished: frozenset[Position]


class BatchApart(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as a process apart gets it: all of it but for what is `finished`. `drainable` are
    orders whose lots may hold what can be applied.
    """

    records: Sequence[Record]
    chunk_events: int
    drain: int
    evidence: Evidence
    deaths: int
    finished: Collection[Position]
    drainable: Sequence[str]
    vouched: bool

    def do(self, inside: Inside) -> None:
        """Say every transaction that committed; raises `Interrupted`, `TransactionFailed`."""
        careful = Careful(inside.attempts, self.drain, finished=self.finished, vouched=self.vouched)
        piecewise = Piecewise(inside.attempts, careful, self.evidence, self.deaths, at=inside.at)
        known = frozenset(self.finished)
        plans = _plans(self.records, self.chunk_events, known)
        for committed in piecewise.apply(plans, drainable=self.drainable):
            inside.say(Done(committed, frozenset(careful.finished - known)))
            known = frozenset(careful.finished)


def apply_batch(
    records: Sequence[Record],
    attempts: Attempts,
    *,
    chunk_events: int,
    drain: int,
    delivery: Delivery | None = None,
    witness: Witness | None = None,
) -> Applied:
    """Apply the records, or as many as can be; never raises for what a record holds.

    With a `delivery` and a `witness` an event that kills is found and parked unrun. Raises only
    what ends the process: `MemoryError`, and the `SystemExit` of a projection.
    """
    batch = _Batch(records, chunk_events, drain, delivery or Unmarked(attempts))
    with batch.delivery.running():
        try:
            batch.apply(attempts, witness)
        except Stopped as stopped:
            attempts.stop(stopped)
            batch.problem = stopped
        except (Interrupted, TransactionFailed) as error:
            batch.problem = error
    return batch.applied()


class _Batch:
    """The working state of one batch."""

    def __init__(
        self, records: Sequence[Record], chunk_events: int, drain: int, delivery: Delivery
    ) -> None:
        self._records = records
        self._chunk_events = chunk_events
        self._drain = drain
        self._committed: list[Committed] = []
        self._finished: set[Position] = set()
        self._suspected = False
        self.delivery = delivery
        self.problem: Interrupted | TransactionFailed | None = None

    def apply(self, attempts: Attempts, witness: Witness | None) -> None:
        if not self._records:
            return
        suspicion = self.delivery.begin([int(r.sequence_number) for r in self._records])
        self._suspected = bool(suspicion)
        if suspicion and witness is not None:
            self._apart(attempts.code, witness)
        else:
            self._here(attempts)
        self.delivery.finished(suspicion)

    def applied(self) -> Applied:
        return Applied(
            checkpoint=self._first_unfinished() if self.problem else None,
            committed=tuple(self._committed),
            problem=self.problem,
            suspected=self._suspected,
        )

    def _here(self, attempts: Attempts) -> None:
        careful = Careful(attempts, self._drain)
        self._finished = careful.finished
        piecewise = Piecewise(attempts, careful, Evidence(), 1, ends=self.delivery.environment)
        for committed in piecewise.apply(_plans(self._records, self._chunk_events)):
            self._committed.append(committed)
            if committed.ended:
                self.delivery.ended()

    def _apart(self, code: Code, witness: Witness) -> None:
        def work(evidence: Evidence) -> BatchApart:
            vouched = any(committed.applied for committed in self._committed)
            failing = Failing(orders=tuple(sorted(evidence.orders)))
            if failing.orders and not vouched and code.most and must_stop(code, failing):
                raise Stopped(BadDeploy(code, failing))
            return BatchApart(
                records=self._records,
                chunk_events=self._chunk_events,
                drain=self._drain,
                evidence=evidence,
                deaths=witness.deaths,
                finished=frozenset(self._finished),
                drainable=list(
                    dict.fromkeys(o for done in self._committed for o in done.drainable)
                ),
                vouched=vouched,
            )

        for done in witness.see_to(work):
            self._committed.append(done.committed)
            self._finished |= done.finished

    def _first_unfinished(self) -> str | None:
        for record in self._records:
            if any(a.position not in self._finished for a in record.arrivals):
                return record.sequence_number
        return None


def _plans(
    records: Sequence[Record], chunk_events: int, finished: Collection[Position] = ()
) -> list[Lanes]:
    """The lanes of each chunk, without what is finished already."""
    return [_without(lanes(chunk), finished) for chunk in chunks(records, chunk_events)]


def _without(found: Lanes, finished: Collection[Position]) -> Lanes:
    if not finished:
        return found
    left = {o: [a for a in lane if a.position not in finished] for o, lane in found.items()}
    return {order_id: lane for order_id, lane in left.items() if lane}
