"""Ours while the ledger is pruned beside it, against ours while it is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from bench import plots
from bench.consumer import ours
from bench.consumer.history import fill
from bench.contestant import Entry
from bench.database import Server, server
from bench.findings import Bench, Findings, Ratio
from bench.race import race, rate_of, ratio_of
from bench.workload import Workload
from consumer.database import Database
from consumer.retention.ledger import Ledger
from consumer.retention.pruner import Pruner, Terms
from consumer.settings import Settings

ALONE = "nothing is pruned"
BESIDE = "pruned beside it"
KEEP = timedelta(days=30)


class Beside:
    """A contestant beside whom another process prunes, while it is its turn."""

    def __init__(self, contestant: ours.Ours, turn: Event) -> None:
        self._contestant = contestant
        self._turn = turn

    def prepare(self, turn: int) -> list[dict[str, Any]]:
        return self._contestant.prepare(turn)

    def work(self, events: list[dict[str, Any]], /) -> int:
        self._turn.set()
        try:
            return self._contestant.work(events)
        finally:
            self._turn.clear()


@contextmanager
def start_beside(*, database_url: str, **given: Any) -> Iterator[Beside]:
    """Ours, and a pruner in a process of its own, as the auditor's function is."""
    context = get_context("fork")
    turn = context.Event()
    pruner = context.Process(target=_prune, args=(database_url, turn), daemon=True)
    pruner.start()
    try:
        with ours.start(database_url=database_url, **given) as contestant:
            yield Beside(contestant, turn)
    finally:
        pruner.kill()
        pruner.join()


def _prune(database_url: str, turn: Event) -> None:
    ledger = Ledger(Database(Settings(database_url=database_url)))
    pruner = Pruner(ledger, in_time=turn.is_set)
    while True:
        turn.wait()
        pruner.run(Terms(keep=KEEP, seconds=3_600.0), now=True)


def run(bench: Bench) -> Findings:
    """Both on a ledger whose rows are old enough to go."""
    with server(bench.database_url) as postgres:
        entries = [
            _entry(bench, postgres, ALONE, ours.start),
            _entry(bench, postgres, BESIDE, start_beside),
        ]
        url = entries[1].given["database_url"]
        repeats = race(
            lambda _: entries,
            turns=bench.scale.of(24, 2),
            warm_up=bench.scale.of(2, 0),
            repeats=1,
            blocks=bench.scale.of(12, 1),
        )
        with psycopg.connect(url) as connection:
            counted = connection.execute(
                "select count(*) from inorder.ledger where type = 'ItemAdded'"
                " and order_id like 'past-%'"
            ).fetchone()
    left = counted[0] if counted else 0
    return Findings(
        ratios={
            "consumer_beside_pruning": Ratio(
                value=ratio_of(repeats, BESIDE, ALONE),
                what="the rate beside pruning to the rate without",
            )
        },
        numbers={
            "rows_pruned": _rows(bench) - left,
            "events": sum(block.events for block in repeats[0][BESIDE]),
            **{name: msgspec.to_builtins(rate_of(repeats, name)) for name in (ALONE, BESIDE)},
        },
    )


def _rows(bench: Bench) -> int:
    return bench.scale.of(1_000_000, 5_000)


def _entry(bench: Bench, postgres: Server, name: str, start: Any) -> Entry:
    url = postgres.fresh()
    bench.say(f"a ledger of {_rows(bench):,} old rows: {name}")
    fill(url, orders=_rows(bench) // 5, versions=5, days=40)
    given = {"database_url": url, "workload": Workload(), "batch": 1_000, "batches": 10}
    return Entry(name=name, start=start, given=given)


def draw(numbers: dict[str, Any], folder: Path) -> None:
    """Events per second, with and without."""
    with plots.figure(folder / "pruning.svg", size=(7.2, 1.6)) as axes:
        rates = {name: numbers[name] for name in (ALONE, BESIDE)}
        plots.bars(axes, rates, {BESIDE: plots.OURS})
        axes.set_xlabel("events per second")
