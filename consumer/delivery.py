"""The marker of an invocation: named before work, taken back at every end in order."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar
from uuid import UUID

from consumer.deliveries import Deliveries, Mark
from consumer.suspicion import Span, Suspicion, suspect
from contract import InorderError

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

    def __init__(self, notes: Notes, *, environment: UUID, shard: str = "") -> None:
        self._notes = notes
        self.environment = environment
        self._shard = shard
        self._marked = False
        self._settled: tuple[UUID, ...] = ()

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
        self._end(self._settled)

    def begin(self, sequence_numbers: Sequence[int]) -> Suspicion:
        """Mark a batch and say whether it is to be suspected; raises `Interrupted`.

        One round trip, the only one that a batch pays in which nobody ever died.
        """
        first, last = min(sequence_numbers), max(sequence_numbers)
        return self._begin(Span(shard=self._shard, first=first, last=last), sequence_numbers)

    def begin_redrive(self, order_id: str) -> Suspicion:
        """Mark a redrive of this order; raises as `begin`."""
        return self._begin(Span(order_id=order_id), ())

    def finished(self, suspicion: Suspicion) -> None:
        """All of it is done: what others left behind about it says nothing any more."""
        self._settled = suspicion.settled

    def ended(self) -> None:
        """A transaction has taken the marker back with its commit."""
        self._marked = False

    def _begin(self, span: Span, sequence_numbers: Sequence[int]) -> Suspicion:
        self._marked, self._settled = True, ()
        seconds = max(self._notes.remaining(), 0.0)
        mark = Mark(environment=self.environment, span=span, seconds=seconds)
        markers = self._notes.note(lambda deliveries: deliveries.begin(mark))
        return suspect(markers, span, sequence_numbers=frozenset(sequence_numbers))

    def _end(self, settled: tuple[UUID, ...]) -> None:
        if self._marked:
            self._quietly(lambda deliveries: deliveries.end(self.environment, settled))

    def _quietly(self, work: Callable[[Deliveries], None]) -> None:
        """What cannot be said now, for want of a database, the next marker overwrites."""
        try:
            self._notes.note(work, at_the_end=True)
        except InorderError as error:
            log.warning("could not take back the marker: %s", error)


class Unmarked(Delivery):
    """For callers that look for no killers: nothing is said and nothing suspected."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(notes, environment=UUID(int=0))

    def _begin(self, span: Span, sequence_numbers: Sequence[int]) -> Suspicion:  # noqa: ARG002 - the parent's
        return Suspicion()
