"""`python -m tests.simulation.mutants`: every mistake has to be noticed by the simulation.

Each is made in a copy of the sources, and the simulation runs there. Prints which seed caught which
mistake; exits with 1 if one was not noticed within the seeds, or can no longer be made.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.simulation.mutants.mistakes import MISTAKES, Mistake

ROOT = Path(__file__).parents[3]
FOLDERS = ("contract", "login", "producer", "consumer", "ops", "local/mapping", "tests/simulation")
SEEDS = 500


class Stale(Exception):
    """The words that the mistake changes are not in the code any more, or more than once."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="words of the mistakes to try; all by default")
    parser.add_argument("--search", action="store_true", help="do not begin with the known seed")
    given = parser.parse_args(arguments)
    chosen = [m for m in MISTAKES if not given.names or any(n in m.name for n in given.names)]
    missed = [mistake for mistake in chosen if not _try(mistake, search=given.search)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} mistakes noticed")
    return 1 if missed or not chosen else 0


def _try(mistake: Mistake, *, search: bool) -> bool:
    with tempfile.TemporaryDirectory(prefix="inorder-mutant-") as folder:
        root = Path(folder)
        try:
            _copy(root)
            _make(mistake, root)
        except Stale as stale:
            print(f"STALE       {mistake.name}: {stale}", flush=True)
            return False
        if mistake.seed is not None and not search:
            caught = _run(root, first=mistake.seed, seeds=1)
            if caught:
                print(f"{caught}  {mistake.name}", flush=True)
                return True
        caught = _run(root, first=0, seeds=SEEDS)
        print(f"{caught or 'NOT NOTICED'}  {mistake.name}", flush=True)
        return caught is not None


def _copy(root: Path) -> None:
    for folder in FOLDERS:
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, root / folder, ignore=leave)
    shutil.copy(ROOT / "local" / "__init__.py", root / "local")


def _make(mistake: Mistake, root: Path) -> None:
    file = root / mistake.path
    text = file.read_text()
    if (count := text.count(mistake.before)) != 1:
        raise Stale(f"{mistake.path} holds what it changes {count} times")
    file.write_text(text.replace(mistake.before, mistake.after))


def _run(root: Path, *, first: int, seeds: int) -> str | None:
    """Which seed noticed, and which promise; None if none did."""
    command = [sys.executable, "-m", "tests.simulation", "--brief"]
    command += ["--first", str(first), "--seeds", str(seeds)]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        return None
    last = (ran.stdout.strip() or ran.stderr.strip()).splitlines()[-1]
    if not ran.stdout.startswith("seed "):
        return f"broken    [{last[:60]}]"
    seed, _, promise = ran.stdout.removeprefix("seed ").partition(" ")
    return f"seed {seed:>4}  {promise.partition(': ')[2][:2]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
