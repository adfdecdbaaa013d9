"""How long a function's first answer takes in the real Lambda runtime client, from nothing.

A function that returns at once is what Lambda itself costs; the ratio to it is what is ours. Each
turn starts every function once, in a new process under the emulator, and waits for its answer: the
start of Python and of the runtime client, imports, settings, the connection, the first batch. The
functions are built by the make rules for this machine, with Lambda's Python where there is one.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg

import migrations
from bench import plots
from bench.database import server
from bench.findings import Bench, Findings, Ratio
from bench.race import spread
from contract import InorderError
from local.environments import bytecode, install_rie
from local.environments.environment import Ending
from local.environments.function import Function
from local.environments.rie import RuntimeInterfaceEmulator
from migrations.migrate import INORDER, ORDERS

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "tests" / "events"
LAMBDA_PYTHON = "3.13"

NOTHING = "returns at once"
PLAIN = "consumer, plain records"
AGGREGATED = "consumer, aggregated records"
COMPILED_THERE = "consumer, without bytecode"
REDRIVE = "redrive, nothing to do"
AUDITOR = "auditor, nothing to audit"

_FORGET = "truncate inorder.head, inorder.ledger, inorder.parking_lot, orders"


class FirstAnswerMissing(InorderError):
    """A function did not answer; the message has its log."""


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A function to be started, and what it is asked."""

    folder: Path
    handler: str
    event: bytes


def run(bench: Bench) -> Findings:
    """Every function in turn, as often as the scale says; the first turn is not counted."""
    found = bytecode.find(LAMBDA_PYTHON)
    python = found or Path(sys.executable)
    version = str(bytecode.version_of(python))
    bench.say(f"Python {version}")
    with (
        tempfile.TemporaryDirectory(prefix="inorder-coldstart-") as folder,
        server(bench.database_url) as postgres,
    ):
        here = Path(folder)
        url = postgres.fresh()
        migrations.apply(url, [INORDER, ORDERS])
        tools = install_rie.runtime_for(version, here / "tools")
        bytecode.compile_folder(tools / "runtime", python)
        functions = _functions(here, version)
        seconds: dict[str, list[float]] = {name: [] for name in functions}
        for turn in range(-1, bench.scale.of(25, 1)):
            for name, function in functions.items():
                with psycopg.connect(url, autocommit=True) as sql:
                    sql.execute(_FORGET)
                took = _first_answer(function, python, tools, {"DATABASE_URL": url})
                if turn >= 0:
                    seconds[name].append(took)
    return Findings(
        ratios={
            "coldstart_consumer": _ratio(seconds, PLAIN, at_most=2.5),
            "coldstart_consumer_aggregated": _ratio(seconds, AGGREGATED, at_most=2.5),
            "coldstart_without_bytecode": _ratio(seconds, COMPILED_THERE),
            "coldstart_redrive": _ratio(seconds, REDRIVE),
            "coldstart_auditor": _ratio(seconds, AUDITOR),
        },
        numbers={
            "python": version,
            "milliseconds": {
                name: msgspec.to_builtins(spread([1e3 * one for one in each]))
                for name, each in seconds.items()
            },
        },
    )


def draw(numbers: dict[str, Any], folder: Path) -> None:
    """Milliseconds to the first answer of each."""
    colours = dict.fromkeys((PLAIN, AGGREGATED), plots.OURS) | {NOTHING: plots.BOUND}
    with plots.figure(folder / "coldstart.svg", size=(7.2, 2.6)) as axes:
        plots.bars(axes, numbers["milliseconds"], colours)
        axes.set_title(f"first answer, Python {numbers['python']}", fontsize=10)
        axes.set_xlabel("milliseconds")


def _ratio(seconds: Mapping[str, list[float]], name: str, at_most: float | None = None) -> Ratio:
    turns = zip(seconds[name], seconds[NOTHING], strict=True)
    value = spread([ours / nothing for ours, nothing in turns])
    what = f"{name}: times one that returns at once"
    return Ratio(value=value, what=what, at_most=at_most)


def _functions(here: Path, version: str) -> dict[str, Started]:
    nothing = here / "nothing"
    nothing.mkdir()
    (nothing / "nothing.py").write_text("def handler(event, context):\n    return {}\n")
    consumer = _built("ConsumerFunction", here / "consumer", version)
    bare = here / "bare"
    shutil.copytree(consumer, bare, ignore=shutil.ignore_patterns("__pycache__"))
    plain = (EVENTS / "kinesis-plain.json").read_bytes()
    aggregated = (EVENTS / "kinesis-aggregated.json").read_bytes()
    handler = "consumer.handler.handler"
    return {
        NOTHING: Started(folder=nothing, handler="nothing.handler", event=plain),
        PLAIN: Started(folder=consumer, handler=handler, event=plain),
        AGGREGATED: Started(folder=consumer, handler=handler, event=aggregated),
        COMPILED_THERE: Started(folder=bare, handler=handler, event=plain),
        REDRIVE: Started(folder=consumer, handler="consumer.redrive.handler.handler", event=b"{}"),
        AUDITOR: Started(folder=consumer, handler="consumer.audit.handler.handler", event=b"{}"),
    }


def _built(name: str, folder: Path, version: str) -> Path:
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    clean = {key: value for key, value in os.environ.items() if "MAKE" not in key}
    given = {"ARTIFACTS_DIR": str(folder), "ARCHITECTURE": machine, "LAMBDA_PYTHON": version}
    command = ["make", f"build-{name}"]
    subprocess.run(command, cwd=ROOT, env={**clean, **given}, check=True)  # noqa: S603 - our own rule
    return folder


def _first_answer(
    started: Started, python: Path, tools: Path, variables: Mapping[str, str]
) -> float:
    function = Function(
        name="coldstart",
        handler=started.handler,
        timeout_seconds=29,
        memory_mb=1024,
        # Lambda's code folder is read-only.
        environment={"PYTHONDONTWRITEBYTECODE": "1", **variables},
        code=started.folder,
    )
    log = tools / "coldstart.log"
    log.unlink(missing_ok=True)
    with _emulated(function, python, tools, log) as environment:
        began = time.perf_counter()
        result = environment.invoke(started.event)
        took = time.perf_counter() - began
    if result.ending is not Ending.ANSWERED:
        raise FirstAnswerMissing(f"{started.handler}: {result}\n{log.read_text()}")
    return took


@contextmanager
def _emulated(
    function: Function, python: Path, tools: Path, log: Path
) -> Iterator[RuntimeInterfaceEmulator]:
    environment = RuntimeInterfaceEmulator(function, log=log, python=str(python), tools=tools)
    try:
        yield environment
    finally:
        environment.stop()
