"""The marker of an invocation: named before work, taken back at every end in order."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar
from uuid import UUID

from consumer.deliveries import Deliveries, Mark
from consumer.suspicion import Span, Suspicion, suspect
from contract import InorderError, Position

log = logging.getLogger(__name__)

T = TypeVar("T")


class Notes(Protocol):
    """How an invocation reaches the markers: `consumer.attempts.Attempts` is one."""

    def note(self, work: Callable[[Deliveries], T], /, *, at_the_end: bool = False) -> T:
        """Let `work` send one statement; raises `Interrupted`. Tried once `at_the_end`."""
        ...

    def remaining(self) -> float:
        """The seconds that the invocation has left."""
        ...


class Delivery:
    """The marker of one invocation. `environment` names the process: it has one row."""

    def __init__(
        self, notes: Notes, *, environment: UUID, code_version: str = "", shard: str = ""
    ) -> None:
        self._notes = notes
        self.environment = environment
        self._code_version = code_version
        self._span = Span(shard=shard)
        self._named: tuple[str | None, Position | None] | None = None
        self.settled: tuple[UUID, ...] = ()
        """The environments whose markers the end of this invocation makes obsolete."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around the whole work. Out of memory, or `exit` called by a projection, is a death like
        any other, known at once; whatever else ends the block is an end in order.
        """
        try:
            yield
        except (MemoryError, SystemExit):
            self._quietly(lambda deliveries: deliveries.die(self.environment))
            raise
        except BaseException:
            self._end(())
            raise
        self._end(self.settled)

    def begin(self, sequence_numbers: Sequence[int], order_ids: Collection[str]) -> Suspicion:
        """Mark a batch and say what of it is to be suspected; raises `Interrupted`.

        One round trip, the only one that a batch pays in which nobody ever died. Without sequence
        numbers it is a redrive of the orders, one of which is named next.
        """
        self._span = Span(
            shard=self._span.shard,
            first=min(sequence_numbers, default=None),
            last=max(sequence_numbers, default=None),
        )
        self._named = (None, None)
        stopped, markers = self._notes.note(lambda deliveries: deliveries.begin(self._mark()))
        return suspect(
            markers,
            self._span,
            sequence_numbers=frozenset(sequence_numbers),
            order_ids=order_ids,
            code_version=None if stopped else self._code_version,
        )

    def name(self, order_id: str | None = None, position: Position | None = None) -> None:
        """From here on only this order, or only this event of it, is worked on; or all of it."""
        if self._named == (order_id, position):
            return
        self._named = (order_id, position)
        self._notes.note(lambda deliveries: deliveries.mark(self._mark()))

    def ended(self) -> None:
        """A transaction has taken the marker back with its commit."""
        self._named = None

    def _end(self, settled: tuple[UUID, ...]) -> None:
        if self._named is not None:
            self._quietly(lambda deliveries: deliveries.end(self.environment, settled))

    def _quietly(self, work: Callable[[Deliveries], None]) -> None:
        """What cannot be said now, for want of a database, the next marker overwrites."""
        try:
            self._notes.note(work, at_the_end=True)
        except InorderError as error:
            log.warning("could not take back the marker: %s", error)

    def _mark(self) -> Mark:
        order_id, position = self._named or (None, None)
        return Mark(
            environment=self.environment,
            code_version=self._code_version,
            span=self._span,
            seconds=max(self._notes.remaining(), 0.0),
            order_id=order_id,
            position=position,
        )


class Unmarked(Delivery):
    """For callers that look for no killers: nothing is said and nothing suspected."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(notes, environment=UUID(int=0))

    def begin(self, sequence_numbers: Sequence[int], order_ids: Collection[str]) -> Suspicion:  # noqa: ARG002 - the parent's
        return Suspicion()

    def name(self, order_id: str | None = None, position: Position | None = None) -> None:
        pass

    def _quietly(self, work: Callable[[Deliveries], None]) -> None:
        pass
