"""Starts one process after the other until the work is done, and remembers where each died."""

import logging
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import msgspec

from consumer.apart.evidence import At, Evidence
from consumer.attempts import Attempts, Interrupted
from consumer.faults import Fault

log = logging.getLogger(__name__)


class Inside(NamedTuple):
    """What work gets in its process: `at` tells where it is, before it goes on there; `say` tells
    what is committed.
    """

    attempts: Attempts
    at: Callable[[At], None]
    say: Callable[[Any], None]


class Work(Protocol):
    """Something that can be sent to a process, and done there."""

    def do(self, inside: Inside) -> None:
        """Do it; raises `Interrupted` where it cannot go on."""
        ...


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended: everything it `said`, and where it was `at` last. In order, or of its
    `problem`; or by a `death`, described in words.
    """

    said: list[Any]
    at: At | None = None
    problem: Interrupted | None = None
    death: str = ""


class Run(Protocol):
    """Runs work in a process apart, for so many seconds at most, and of those no more than
    `longest` in the projection's own code without coming back. A process that is given up because
    its time is over has a problem, and did not die.
    """

    def __call__(self, work: Work, seconds: float, longest: float, /) -> Ended: ...


class Witness:
    """Sees to work that may kill. `deaths` is how many of them blame an event; `longest` as in
    `Run`, or less, so that one invocation sees as many deaths as it takes.
    """

    def __init__(self, attempts: Attempts, run: Run, deaths: int, longest: float) -> None:
        self._attempts = attempts
        self._run = run
        self._longest = longest
        self.deaths = deaths

    def see_to(self, work: Callable[[Evidence], Work]) -> Iterator[Any]:
        """Everything that is said; `work` is asked anew, with what is known, after each death.

        Raises `Interrupted` as the work does, and where no process comes to life.
        """
        evidence = Evidence()
        stillborn = 0
        longest = self._longest
        while stillborn < self.deaths:
            seconds = self._attempts.step_aside()
            if not evidence:
                longest = min(longest, seconds / (2 * (self.deaths + 2)))
            ended = self._run(work(evidence), seconds, longest)
            yield from ended.said
            if ended.problem is not None:
                raise ended.problem
            if not ended.death:
                return
            log.error("a process apart died: %s; it worked on %s", ended.death, _place(ended.at))
            if ended.at is None:
                stillborn += 1
            else:
                evidence = evidence.after(ended.at)
        raise Interrupted(Fault.STOP, f"{stillborn} processes apart died before they began")


def _place(at: At | None) -> str:
    if at is None:
        return "nothing yet"
    if at.order_id is None:
        return "many orders"
    return f"order {at.order_id!r}" + (f" at {at.position}" if at.position else "")
