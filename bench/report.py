"""The report: one JSON object, and a page a person can read.

`ratios` is the headline, a number per name. Each benchmark has an entry of its own with its ratios'
spread and targets, its numbers, when it ran and where; a run of some benchmarks leaves the others'
entries as they were.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bench import machine
from bench.findings import Findings

RESULTS = "results.json"
PAGE = "results.md"


def entry(findings: Findings, seconds: float) -> dict[str, Any]:
    """A benchmark's part of the report."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine.describe(),
        "seconds": round(seconds, 1),
        "ratios": {
            name: {**msgspec.to_builtins(ratio), "met": ratio.met}
            for name, ratio in findings.ratios.items()
        },
        "numbers": findings.numbers,
    }


def compose(benchmarks: dict[str, Any], *, quick: bool) -> dict[str, Any]:
    """The whole report."""
    return {
        "quick": quick,
        "ratios": {
            name: round(ratio["value"]["median"], 3)
            for each in benchmarks.values()
            for name, ratio in each["ratios"].items()
        },
        "benchmarks": benchmarks,
    }


def known(folder: Path) -> dict[str, Any]:
    """The benchmarks of the report that is there."""
    file = folder / RESULTS
    found: dict[str, Any] = json.loads(file.read_text())["benchmarks"] if file.exists() else {}
    return found


def write(report: dict[str, Any], folder: Path, copy: Path | None) -> None:
    """The results and the page into the folder; the results once more to `copy`."""
    text = json.dumps(report, indent=1) + "\n"
    (folder / RESULTS).write_text(text)
    (folder / PAGE).write_text(_page(report))
    if copy is not None:
        copy.write_text(text)


def _page(report: dict[str, Any]) -> str:
    lines = ["# Results", "", "Written by `make bench`; [README.md](README.md) explains them.", ""]
    if report["quick"]:
        lines += ["**A quick run: it shows that everything runs, and measures nothing.**", ""]
    for name, each in report["benchmarks"].items():
        lines += [
            f"## {name}",
            "",
            f"{each['date']}, {each['seconds']:,.0f} s. {_machine(each['machine'])}",
            "",
            "| ratio | what | median | quartiles | target | |",
            "|---|---|---|---|---|---|",
            *(_row(key, ratio) for key, ratio in each["ratios"].items()),
            "",
        ]
    return "\n".join(lines)


def _machine(about: dict[str, Any]) -> str:
    return (
        f"{about['processor']}, {about['cores']} cores, {about['memory_gb']} GB; "
        f"{about['system']}; Python {about['python']}; load {about['load_at_start'][0]} before."
    )


def _row(name: str, ratio: dict[str, Any]) -> str:
    value = ratio["value"]
    target, met = "", {True: "met", False: "**not met**", None: ""}[ratio["met"]]
    if ratio["at_least"] is not None:
        target = f"≥ {ratio['at_least']:g}"
    elif ratio["at_most"] is not None:
        target = f"≤ {ratio['at_most']:g}"
    return (
        f"| `{name}` | {ratio['what']} | {value['median']:.2f} "
        f"| {value['low']:.2f} – {value['high']:.2f} | {target} | {met} |"
    )
