"""What an event costs as its order's past grows, and as the whole ledger does."""

from pathlib import Path
from typing import Any

import msgspec

from bench import plots
from bench.consumer import ours
from bench.consumer.history import fill
from bench.contestant import Entry
from bench.database import Server, server
from bench.findings import Bench, Findings, Ratio
from bench.race import Repeats, race, rate_of, ratio_of
from bench.workload import Workload

ROWS_OF_AN_ORDER = (0, 1_000, 100_000, 1_000_000)
ROWS_OF_THE_LEDGER = (0, 100_000, 1_000_000, 10_000_000)
_VERSIONS = 5


def run(bench: Bench) -> Findings:
    """One hot order on top of its past; and W1 on new orders beside everybody else's."""
    with server(bench.database_url) as postgres:
        orders = {n: _order(bench, postgres, n) for n in _sizes(bench, ROWS_OF_AN_ORDER)}
        postgres.checkpoint()
        order = _race(bench, orders, turns=80)
        postgres.drop()
        ledger = _race(
            bench, {n: _ledger(bench, postgres, n) for n in _sizes(bench, ROWS_OF_THE_LEDGER)}
        )
    return Findings(
        ratios={
            "consumer_million_rows_of_an_order": _last_to_first(_second_half(order), "of an order"),
            "consumer_million_rows_after_a_checkpoint": _last_to_first(
                _first_eighth(order), "of an order, right after a checkpoint", at_least=None
            ),
            "consumer_ten_million_rows": _last_to_first(ledger, "in the ledger"),
        },
        numbers={"order": _rates(_second_half(order)), "ledger": _rates(ledger)},
    )


def _sizes(bench: Bench, sizes: tuple[int, ...]) -> list[int]:
    return [min(size, bench.scale.of(size, 100 * place)) for place, size in enumerate(sizes)]


def _order(bench: Bench, postgres: Server, rows: int) -> Entry:
    url = postgres.fresh()
    if rows:
        bench.say(f"an order of {rows:,} rows")
        fill(url, orders=1, versions=rows, prefix="order-")
    workload = Workload(orders=1, first_version=rows + 1, first_order=1)
    return _entry(url, workload, rows)


def _ledger(bench: Bench, postgres: Server, rows: int) -> Entry:
    url = postgres.fresh()
    if rows:
        bench.say(f"a ledger of {rows:,} rows")
        fill(url, orders=rows // _VERSIONS, versions=_VERSIONS)
    return _entry(url, Workload(), rows)


def _entry(url: str, workload: Workload, rows: int) -> Entry:
    given = {"database_url": url, "workload": workload, "batch": 1_000}
    return Entry(name=str(rows), start=ours.start, given=given)


def _race(bench: Bench, entries: dict[int, Entry], *, turns: int = 40) -> Repeats:
    """One repeat: the tables grow by little beside what they hold."""
    return race(
        lambda _: list(entries.values()),
        turns=bench.scale.of(turns, 8),
        warm_up=bench.scale.of(5, 0),
        repeats=1,
        blocks=8,
    )


def _first_eighth(repeats: Repeats) -> Repeats:
    """When most pages of an index are changed for the first time since the checkpoint, and so go
    whole into the write-ahead log.
    """
    return [{name: blocks[:1] for name, blocks in one.items()} for one in repeats]


def _second_half(repeats: Repeats) -> Repeats:
    """When they have been: so it stays until the next checkpoint."""
    return [{name: blocks[4:] for name, blocks in one.items()} for one in repeats]


def _last_to_first(repeats: Repeats, where: str, *, at_least: float | None = 0.9) -> Ratio:
    names = list(repeats[0])
    return Ratio(
        value=ratio_of(repeats, names[-1], names[0]),
        what=f"the rate on {int(names[-1]):,} rows {where} to that on none",
        at_least=at_least,
    )


def _rates(repeats: Repeats) -> dict[str, Any]:
    return {name: msgspec.to_builtins(rate_of(repeats, name)) for name in repeats[0]}


def draw(numbers: dict[str, Any], folder: Path) -> None:
    """Microseconds per event against rows, both curves."""
    with plots.figure(folder / "growth.svg", columns=2, size=(9, 3)) as (left, right):
        for axes, key, title in (
            (left, "order", "rows of one order, all events of which are its"),
            (right, "ledger", "rows of the ledger, W1 on new orders"),
        ):
            rows = [max(1, int(name)) for name in numbers[key]]
            rates = list(numbers[key].values())
            axes.errorbar(
                rows,
                [1e6 / rate["median"] for rate in rates],
                yerr=[
                    [1e6 / rate["median"] - 1e6 / rate["high"] for rate in rates],
                    [1e6 / rate["low"] - 1e6 / rate["median"] for rate in rates],
                ],
                color=plots.OURS,
                marker="o",
                capsize=3,
            )
            axes.set_xscale("symlog", linthresh=100)
            axes.set_ylim(bottom=0)
            axes.set_title(title, fontsize=10)
            axes.set_ylabel("µs per event")
