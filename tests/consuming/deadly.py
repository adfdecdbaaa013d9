"""A projection that some events kill, each in its own way, and that a switch makes fail for all."""

import os
import re
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contract import Event
from tests.consuming.journal import Journal

_ROOM = 64 << 20


def _exit() -> None:
    os._exit(9)


def _loop() -> None:
    while True:
        pass


def _raise_memory_error() -> None:
    raise MemoryError


def _allocate() -> None:
    """Run into a limit of address space a little above what is in use."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, used + _ROOM))
    kept = []
    while True:
        kept.append(bytearray(1 << 20))


def _swell() -> None:
    """Use more memory than the function has: the environment is killed for it."""
    kept = []
    while True:
        kept.append(b"x" * (4 << 20))


def _quit() -> None:
    sys.exit("the projection has had enough")


def _backtrack() -> None:
    """Never lets go of the interpreter, so that no thread of Python's can do anything about it."""
    re.match(r"(a+)+$", "a" * 64 + "b")


KILLERS: dict[str, Callable[[], None]] = {
    "exit": _exit,
    "loop": _loop,
    "stuck": _backtrack,
    "memory_error": _raise_memory_error,
    "allocate": _allocate,
    "swell": _swell,
    "quit": _quit,
}


ASK = "ask"
"""The type of an event whose order is asked about for ever, on the batch's own connection."""


class Deadly(Journal):
    """A journal; an event whose type names a killer never comes back from `apply`, one that asks
    not from `save`.
    """

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        if event.type in KILLERS:
            KILLERS[event.type]()
        state = super().apply(state, event)
        if event.type == ASK:
            state.append(ASK)
        return state

    def save(self, cursor: Any, states: Mapping[str, list[str]]) -> None:
        while any(ASK in seen for seen in states.values()):
            cursor.execute("select count(*) from journal where order_id = any(%s)", [list(states)])
        super().save(cursor, states)


class Broken(Journal):
    """A journal that fails as the file named by `BROKEN` says, until it is gone: at `load`, at
    `apply`, or by `exit`.
    """

    def _fails(self, where: str) -> bool:
        switch = Path(os.environ["BROKEN"])
        return switch.exists() and switch.read_text() == where

    def load(self, cursor: Any, order_ids: Any) -> dict[str, list[str]]:
        if self._fails("load"):
            raise KeyError("a column that the deploy forgot")
        return super().load(cursor, order_ids)

    def apply(self, state: list[str] | None, event: Event) -> list[str]:
        if self._fails("apply"):
            raise AttributeError("a name that the deploy misspelt")
        if self._fails("exit"):
            os._exit(9)
        return super().apply(state, event)
