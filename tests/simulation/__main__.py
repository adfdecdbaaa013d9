"""`python -m tests.simulation --seeds N [--first K] [--without f1 B A#3 …]`: run and judge seeds.

Prints one line when every promise held; else, for the first seed that broke one, the shortest
history that could be found and the command that replays it. Exits with 1 then.
"""

import argparse
import logging
import sys
import time

from tests.simulation.drawing import draw
from tests.simulation.scenario import Scenario
from tests.simulation.shrink import shrink
from tests.simulation.world import Ran, run


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--without", nargs="*", default=[], help="parts of the plan to leave out")
    parser.add_argument("--history", action="store_true", help="print the history of every seed")
    parser.add_argument("--digest", action="store_true", help="print one digest of all histories")
    parser.add_argument("--brief", action="store_true", help="do not look for a shorter history")
    given = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    digests: list[str] = []
    for seed in range(given.first, given.first + given.seeds):
        scenario = draw(seed).without(given.without)
        ran = run(scenario)
        digests.append(ran.digest)
        if given.history:
            _print_history(ran)
        if ran.broken is not None and given.brief:
            print(f"seed {seed} broke a promise: {ran.broken}")
            return 1
        if ran.broken is not None:
            _explain(scenario, ran, given.without)
            return 1
    seconds = time.monotonic() - began
    rate = given.seeds / seconds * 60
    if given.digest:
        print("\n".join(digests))
    print(
        f"{given.seeds} seeds from {given.first}: every promise kept ({rate:,.0f} seeds a minute)"
    )
    return 0


def _explain(scenario: Scenario, ran: Ran, without: list[str]) -> None:
    print(f"seed {scenario.seed} broke a promise: {ran.broken}")
    gone, shortest = shrink(scenario, ran, run)
    print(f"\nThe shortest history found ({len(shortest.history)} of {len(ran.history)} facts):\n")
    for order in scenario.without([*without, *gone]).orders:
        items = ", ".join(
            f"{i.n}:{i.flavour}" + f"/v{i.version}" * bool(i.version) for i in order.items
        )
        print(f"  order {order.order_id}: {items}")
    _print_history(shortest)
    names = " ".join([*without, *gone])
    replay = f"python -m tests.simulation --seeds 1 --first {scenario.seed}"
    print(
        f"\n{shortest.broken}\n\nreplay: {replay} --history" + f" --without {names}" * bool(names)
    )
    print(f"whole:  make simulate SEEDS=1 FIRST_SEED={scenario.seed}")


def _print_history(ran: Ran) -> None:
    print("\n".join(f"  {fact}" for fact in ran.history))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
