"""From a failing run to the shortest history that still breaks a promise.

Parts of the plan are left out one after the other, faults first, then orders, then items, for as
long as something stays broken: the same promise, since another one would be another failure.
"""

import re
from collections.abc import Callable

from tests.simulation.scenario import Scenario
from tests.simulation.world import Ran

MOST_RUNS = 600
_NAMES = re.compile(r"\b[A-Z]\d*\b(#\d+ \(\w+\))?|#?\d+|env-\d+|[\[\](){}'\"].*")

Run = Callable[[Scenario], Ran]


def shrink(scenario: Scenario, failed: Ran, run: Run) -> tuple[list[str], Ran]:
    """The names of the parts that can go, and the run without them."""
    gone: list[str] = []
    promise = _promise(failed)
    runs = 0
    progress = True
    while progress and runs < MOST_RUNS:
        progress = False
        for part in scenario.without(gone).parts():
            if part in gone or runs >= MOST_RUNS:
                continue
            ran = run(scenario.without([*gone, part]))
            runs += 1
            if _promise(ran) == promise:
                gone.append(part)
                failed, progress = ran, True
    return gone, failed


def _promise(ran: Ran) -> str | None:
    """What was broken, without the names and numbers."""
    return None if ran.broken is None else _NAMES.sub("", ran.broken)
