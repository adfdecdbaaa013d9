"""What doctor says: something is wrong, might be, or could not be seen."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from ops.doctor.facts import Missing, Unknown

T = TypeVar("T")


class Level(StrEnum):
    """How bad it is."""

    WRONG = "wrong"
    """A promise, or who watches over it, is at stake."""
    WARNING = "warning"
    """Works, and somebody should know."""
    UNKNOWN = "unknown"
    """Could not be seen."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with which part, why it matters, and what to type or do."""

    level: Level
    subject: str
    what: str
    why: str
    fix: str


class Judge:
    """Says findings about one part of the stack."""

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def wrong(self, what: str, *, why: str, fix: str) -> Finding:
        return self._finding(Level.WRONG, what, why, fix)

    def warning(self, what: str, *, why: str, fix: str) -> Finding:
        return self._finding(Level.WARNING, what, why, fix)

    def unknown(self, what: str, *, why: str) -> Finding:
        fix = "give who asks the permission to look (docs/deploy.md), or ask again"
        return self._finding(Level.UNKNOWN, what, why, fix)

    def seen(
        self,
        fact: T | Missing | Unknown,
        check: Callable[[T], Iterator[Finding]],
        *,
        why: str = "nothing works without it",
        fix: str = "deploy the stack again: sam deploy",
    ) -> Iterator[Finding]:
        """What `check` says of a fact, or that it is not there, or could not be seen."""
        if isinstance(fact, Unknown):
            yield self.unknown("could not be looked at", why=fact.why)
        elif isinstance(fact, Missing):
            yield self.wrong("is not there", why=why, fix=fix)
        else:
            yield from check(fact)

    def _finding(self, level: Level, what: str, why: str, fix: str) -> Finding:
        return Finding(level=level, subject=self._subject, what=what, why=why, fix=fix)


def exit_code(findings: Any) -> int:
    """1 if something is wrong, else 3 if something could not be seen, else 0."""
    levels = {finding.level for finding in findings}
    if Level.WRONG in levels:
        return 1
    return 3 if Level.UNKNOWN in levels else 0
