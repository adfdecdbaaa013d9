"""Bytes that an event leaves behind: in the ledger, its indexes, heads, orders, and the log."""

from pathlib import Path
from typing import Any

from bench import plots
from bench.consumer import ours
from bench.consumer.history import sizes, wal_bytes
from bench.contestant import Entry
from bench.database import server
from bench.findings import Bench, Findings, Ratio
from bench.race import race, spread
from bench.workload import Workload

W1 = Workload()


def run(bench: Bench) -> Findings:
    """W1 once, and what it has come to."""
    turns = bench.scale.of(200, 2)
    with server(bench.database_url) as postgres:
        url = postgres.fresh()
        before, empty = wal_bytes(url), sizes(url)
        given = {"database_url": url, "workload": W1, "batch": 1_000}
        race(
            lambda _: [Entry(name="ours", start=ours.start, given=given)],
            turns=turns,
            warm_up=0,
            repeats=1,
            blocks=1,
        )
        events = turns * 1_000
        logged = (wal_bytes(url) - before) / events
        left = {name: (size - empty[name]) / events for name, size in sizes(url).items()}
    ledger = sum(size for name, size in left.items() if name.startswith("ledger"))
    return Findings(
        ratios={
            "storage_ledger_to_event": Ratio(
                value=spread([ledger / W1.size]),
                what="bytes in ledger and its indexes to the event's own",
                at_most=2.5,
            ),
        },
        numbers={
            "events": events,
            "bytes_per_event": {name: round(size, 1) for name, size in sorted(left.items())},
            "ledger_with_indexes": round(ledger, 1),
            "log": round(logged, 1),
        },
    )


def draw(numbers: dict[str, Any], folder: Path) -> None:
    """Bytes per event of each table and index."""
    with plots.figure(folder / "storage.svg") as axes:
        bytes_ = {
            name: {"median": size, "low": size, "high": size}
            for name, size in numbers["bytes_per_event"].items()
            if size >= 1
        }
        plots.bars(axes, bytes_, dict.fromkeys(bytes_, plots.OURS))
        axes.set_xlabel("bytes per event of 250 bytes")
