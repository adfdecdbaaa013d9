"""Work that never comes back, in a process apart, and a parent that waits for it."""

import os
import sys
from pathlib import Path

import msgspec

from consumer.apart.process import Processes
from consumer.apart.witness import Inside
from consumer.deploys import Code
from consumer.settings import Settings
from tests.consuming.deadly import KILLERS


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """Writes down its process, and never ends."""

    kind: str
    told: str

    def do(self, inside: Inside) -> None:
        Path(self.told).write_text(str(os.getpid()))
        KILLERS[self.kind]()


def begin() -> None:
    """Arguments: what holds the process, and the file that gets its number."""
    kind, told = sys.argv[1:]
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/none",
        projection="tests.consuming.deadly:Deadly",
    )
    Processes(settings, Code())(Stuck(kind=kind, told=told), 60.0, 60.0)
