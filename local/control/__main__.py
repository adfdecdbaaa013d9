"""`make throttle`: a database whose capacity falls and comes back, without and with the controller.

Five runs, one after the other on the same machine. Two have the same load, more than the database
can do: factor fixed at the most, then the controller; its capacity is that of the scalability law.
Two more are the same with a database whose processor is limited. In the last a quiet load becomes
twenty times as much for a minute. A report is printed; `THROTTLE_OUT=folder` keeps the samples,
which `make throttle` then draws.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from rich.console import Console
from rich.table import Table

from controller.bounds import Bounds
from controller.control import Turn
from local.control.processor import Processor, can_be_limited
from local.control.scene import SQL, Rate, Scene, load, scene
from local.control.world import Controlling, LocalWorld

PERIOD = 3.0
SHARDS = 2
MOST_FACTOR = 6
BATCH = 50
THIRD = 45.0
"""Seconds before the capacity falls, while it is low, and after it is back."""

LAW_LOAD, PROCESSOR_LOAD = 1_500.0, 2_500.0
"""Events a second."""

PROCESSOR_CORES = 0.1
"""What the server may use while its capacity is whole: little, or the rest of the pipeline, which
is on this machine too, would be the limit.
"""

BURST_AT, BURST_SECONDS, BURST_END = 20.0, 60.0, 150.0
QUIET, BURST = 60.0, 20

BOUNDS = Bounds(
    period=PERIOD,
    most=MOST_FACTOR,
    batch_size=BATCH,
    window=0,
    backlog_ms=2_000.0,
    settle=0.3,
    ripe=0.0,
)


class Sample(msgspec.Struct, kw_only=True):
    """One second: events finished in it, lag in seconds, sessions at work in the database, the
    factor in effect, and the milliseconds that a bystander's query took.
    """

    at: float
    finished: int
    lag: float
    sessions: int
    factor: int
    bystander_ms: float


class Run(msgspec.Struct, kw_only=True):
    """What one run came to; `limit` is what was limited: `law`, or `processor`."""

    name: str
    limit: str
    samples: list[Sample]
    decisions: list[tuple[float, str]]
    outcome: dict[str, int]


def main() -> int:
    console = Console(highlight=False)
    limits = ["law", *(["processor"] if can_be_limited() else [])]
    if len(limits) == 1:
        console.print("skipped: a limited processor, which needs Linux")
    runs = [
        *(_run(limit, console, controlled=on) for limit in limits for on in (False, True)),
        _burst(console),
    ]
    _show(console, runs)
    folder = os.environ.get("THROTTLE_OUT")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        file = Path(folder) / "throttle.json"
        file.write_bytes(msgspec.json.format(msgspec.json.encode(runs)))
        console.print(f"samples: {file}")
    broken = [r for r in runs if r.outcome["orders_with_holes"]]
    return int(bool(broken))


def _run(limit: str, console: Console, *, controlled: bool) -> Run:
    name = "controlled" if controlled else "fixed at the most"
    console.print(
        f"[bold]{limit}, {name}[/]: "
        f"capacity falls to a third after {THIRD:.0f} s, for {THIRD:.0f} s"
    )
    processor = Processor(PROCESSOR_CORES) if limit == "processor" else None
    load_of = LAW_LOAD if processor is None else PROCESSOR_LOAD
    with scene(
        shards=SHARDS,
        factor=1 if controlled else MOST_FACTOR,
        batch_size=BATCH,
        processor=processor,
    ) as made:
        steps = [(0.0, 1.0), (THIRD, 1 / 3), (2 * THIRD, 1.0)]
        changes = [(at, _capacity(made, share)) for at, share in steps]
        return _watch(name, made, Rate(load_of), changes, 3 * THIRD, console, controlled)


def _burst(console: Console) -> Run:
    name = "burst, controlled"
    console.print(f"[bold]{name}[/]: {BURST} × {QUIET:.0f} events/s for {BURST_SECONDS:.0f} s")
    rate = Rate(QUIET)

    def becomes(value: float) -> Callable[[], None]:
        return lambda: setattr(rate, "value", value)

    with scene(shards=SHARDS, factor=2, batch_size=BATCH) as made:
        changes = [
            (BURST_AT, becomes(QUIET * BURST)),
            (BURST_AT + BURST_SECONDS, becomes(QUIET)),
        ]
        return _watch(name, made, rate, changes, BURST_END, console, True)  # noqa: FBT003 - with


def _capacity(made: Scene, share: float) -> Callable[[], None]:
    processor = made.processor
    if processor is None:
        return lambda: made.ask("set_clients", clients=share)
    return lambda: processor.set(PROCESSOR_CORES * share)


def _watch(
    name: str,
    made: Scene,
    rate: Rate,
    changes: list[tuple[float, Callable[[], None]]],
    seconds: float,
    console: Console,
    controlled: bool,  # noqa: FBT001 - from two callers above
) -> Run:
    world = LocalWorld(made.runner, made.settings, made.log, SHARDS, PERIOD)
    decisions: list[tuple[float, str]] = []
    began = time.monotonic()

    def tell(turn: Turn) -> None:
        at = time.monotonic() - began
        said = "; ".join(turn.decision.reasons)
        decisions.append((round(at, 1), said))
        if turn.change:
            console.print(f"  {at:5.0f} s  {said}")

    samples: list[Sample] = []
    with (
        load(made, rate),
        psycopg.connect(made.server.url, autocommit=True) as connection,
        Controlling(world, BOUNDS, tell) if controlled else _nobody(),
    ):
        while (at := time.monotonic() - began) < seconds:
            while changes and changes[0][0] <= at:
                changes.pop(0)[1]()
            samples.append(_sample(at, world, made, connection, samples))
            time.sleep(max(0.0, 1.0 - (time.monotonic() - began - at)))
    applied, parked, holes = made.ask("outcome")
    outcome = {"applied": applied, "parked": parked, "orders_with_holes": holes, "sent": made.sent}
    limit = _limit(made)
    return Run(name=name, limit=limit, samples=samples, decisions=decisions, outcome=outcome)


def _limit(made: Scene) -> str:
    return "law" if made.processor is None else "processor"


class _nobody:  # noqa: N801 - a context manager that does nothing
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def _sample(
    at: float,
    world: LocalWorld,
    made: Scene,
    connection: psycopg.Connection[Any],
    samples: list[Sample],
) -> Sample:
    sessions = connection.execute(SQL[f"{_limit(made)}_active"]).fetchone()
    asked = time.monotonic()
    connection.execute(SQL[f"{_limit(made)}_bystander"])
    took = (time.monotonic() - asked) * 1_000
    return Sample(
        at=round(at, 2),
        finished=world.finished() - sum(sample.finished for sample in samples),
        lag=made.runner.stats.lag_ms / 1_000,
        sessions=0 if sessions is None else int(sessions[0]),
        factor=world.settings.parallelization_factor if world.settings.enabled else 0,
        bystander_ms=round(took, 1),
    )


def _show(console: Console, runs: list[Run]) -> None:
    table = Table(title="Events/s finished, sessions at work, a bystander's query (median ms)")
    for column in ("limit", "run", "part", "events/s", "sessions", "bystander", "lag at its end"):
        table.add_column(column)
    for run in runs:
        for part, begin, end in _parts(run):
            inside = [s for s in run.samples if begin <= s.at < end]
            if not inside:
                continue
            span = inside[-1].at - inside[0].at or 1.0
            table.add_row(
                run.limit,
                run.name,
                part,
                f"{sum(s.finished for s in inside[1:]) / span:,.0f}",
                f"{_median([s.sessions for s in inside]):.0f}",
                f"{_median([s.bystander_ms for s in inside]):,.0f}",
                f"{inside[-1].lag:.0f} s",
            )
    console.print(table)
    for run in runs:
        console.print(f"{run.limit}, {run.name}: {run.outcome}")


def _parts(run: Run) -> list[tuple[str, float, float]]:
    """The second half of each third: what was settled into."""
    if run.name.startswith("burst"):
        end = BURST_AT + BURST_SECONDS
        return [("before", 0, BURST_AT), ("burst", BURST_AT, end), ("after", end, BURST_END)]
    half = THIRD / 2
    return [
        ("whole", half, THIRD),
        ("a third", THIRD + half, 2 * THIRD),
        ("restored", 2 * THIRD + half, 3 * THIRD),
    ]


def _median(values: list[float] | list[int]) -> float:
    return float(sorted(values)[len(values) // 2])


if __name__ == "__main__":
    sys.exit(main())
