"""`python -m bench.consumer.auditing MILLIONS…`: what a run of the audit costs on a large ledger.

Each size is a database of its own, filled with orders of twenty rows that were applied a day ago.
Then, turn by turn, new rows are spread over all orders and one run audits them, and sweeps as many
old orders as the deployed function does. A hundred million rows take some forty GB and twenty
minutes to fill, so this is not part of `make bench`.
"""

import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psycopg
from rich.console import Console
from rich.table import Table

from bench.consumer.history import fill
from bench.database import server
from consumer.audit.auditor import Auditor
from consumer.audit.tables import Tables
from consumer.database import Database
from consumer.settings import Settings
from consumer.sql import read_statements
from contract import InorderError

_SQL = read_statements(Path(__file__).with_name("history.sql"))

VERSIONS = 20
NEW_ROWS = 20_000
TURNS = 7
PREFIX = "past-"
_STATISTICS_SECONDS = 1.5
"""How long a session that has gone quiet may keep its counts to itself (`pg_stat_database`)."""


class Run(NamedTuple):
    """What one run of the audit took."""

    rows: int
    orders: int
    seconds: float
    blocks: int
    blocks_read: int


class NotSound(InorderError):
    """The audit found a fault in rows that were made sound."""


def main(arguments: list[str]) -> int:
    """Measure each size, given in millions of rows, and print what it costs."""
    console = Console()
    table = Table("rows", "GB", "new rows", "orders swept", "seconds", "blocks", "not in memory")
    with server(os.environ.get("DATABASE_URL")) as postgres:
        for rows in [int(float(given) * 1e6) for given in arguments or ["1"]]:
            url = postgres.fresh()
            fill(url, orders=rows // VERSIONS, versions=VERSIONS, prefix=PREFIX)
            postgres.checkpoint()
            nothing = audit(url)
            runs = [turn(url, rows // VERSIONS, number) for number in range(TURNS)]
            console.print(f"{rows:,} rows, nothing new: {nothing.seconds:.2f} s for the sweep")
            table.add_row(f"{rows:,}", f"{gigabytes(url):.1f}", *_cells(runs))
            postgres.drop()
    console.print(table)
    return 0


def turn(url: str, orders: int, number: int) -> Run:
    """Apply new events, and audit them."""
    given = {"prefix": PREFIX, "orders": orders, "turn": number, "events": NEW_ROWS}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_SQL["advance"], given)
    return audit(url)


def audit(url: str) -> Run:
    """One run as the function makes it; raises `NotSound` for any fault."""
    before = _blocks(url)
    database = Database(Settings(database_url=url))
    try:
        database.open()
        began = time.perf_counter()
        done = Auditor(Tables(database)).run()
        seconds = time.perf_counter() - began
    finally:
        database.close()
    if done.faults or not done.finished:
        raise NotSound(f"{len(done.faults)} faults, finished: {done.finished}")
    looked_at, read = (after - b for after, b in zip(_blocks(url), before, strict=True))
    return Run(done.rows, done.orders, seconds, looked_at, read)


def gigabytes(url: str) -> float:
    """Bytes of the database, in 10^9."""
    with psycopg.connect(url) as connection:
        ((size,),) = connection.execute(_SQL["size"]).fetchall()
        return float(size) / 1e9


def _blocks(url: str) -> tuple[int, int]:
    time.sleep(_STATISTICS_SECONDS)
    with psycopg.connect(url) as connection:
        ((looked_at, read),) = connection.execute(_SQL["blocks"]).fetchall()
        return int(looked_at), int(read)


def _cells(runs: list[Run]) -> list[str]:
    seconds = [run.seconds for run in runs]
    return [
        f"{median(run.rows for run in runs):,.0f}",
        f"{median(run.orders for run in runs):,.0f}",
        f"{median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})",
        f"{median(run.blocks for run in runs) / 1e6:.2f} million",
        f"{median(run.blocks_read for run in runs) / 1e3:.0f} thousand",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
