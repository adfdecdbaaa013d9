"""Seeds of the simulation: they keep every promise, and give the same history everywhere."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.drawing import draw
from tests.simulation.shrink import shrink
from tests.simulation.world import Ran, run

ROOT = Path(__file__).parents[2]
SEEDS = 150
"""Few, to be quick: `make simulate SEEDS=…` runs more, and `make mutants` shows what they see."""


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_every_promise_is_kept():
    for seed in range(SEEDS):
        ran = run(draw(seed))
        assert ran.broken is None, f"make simulate SEEDS=1 FIRST_SEED={seed}: {ran.broken}"


def test_the_same_seed_gives_the_same_history_in_any_process():
    digests = set()
    for hash_seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seeds", "12", "--digest"],
            cwd=ROOT,
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(tuple(line for line in ran.stdout.splitlines() if len(line) == 64))
    (found,) = digests
    assert len(set(found)) == 12
    assert found[3] == run(draw(3)).digest


def test_a_failure_is_shrunk_to_what_it_takes():
    """A world that breaks as soon as order B has its second event, whatever else there is."""
    scenario = next(s for s in map(draw, range(100)) if len(s.orders) > 3 and len(s.faults) > 3)

    def breaks(smaller):
        sent = [item.name for o in smaller.orders for item in o.items if item.flavour != "missing"]
        wrong = "P4: B#1 (note) was applied too early" if "B#1" in sent else None
        return Ran(broken=wrong, history=tuple(sent), steps=0)

    gone, shortest = shrink(scenario, breaks(scenario), breaks)
    assert shortest.history == ("B#1",)
    left = scenario.without(gone)
    assert left.faults == ()
    assert [order.order_id for order in left.orders] == ["B"]
