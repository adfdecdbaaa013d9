"""`python -m bench`: run the suite, write the report, draw the plots."""

import sys
import time

from rich.console import Console
from rich.table import Table

from bench import report, settings
from bench.findings import Bench, Findings, Scale
from bench.suite import SUITE
from contract import InorderError


def main() -> int:
    """Run what the settings ask for; 2 if they cannot be used, 1 if something failed."""
    console = Console()
    try:
        given = settings.read(SUITE)
        given.folder.mkdir(parents=True, exist_ok=True)
        benchmarks = report.known(given.folder) if given.folder == settings.DOCS else {}
        for name in given.only:
            console.print(f"[bold]{name}[/]: {SUITE[name].about}")
            bench = Bench(
                scale=Scale(quick=given.quick),
                say=lambda line: console.print(f"  {line}", markup=False, highlight=False),
                database_url=given.database_url,
            )
            began = time.monotonic()
            findings = SUITE[name].run(bench)
            benchmarks[name] = report.entry(findings, time.monotonic() - began)
            SUITE[name].draw(benchmarks[name]["numbers"], given.folder)
            console.print(_table(findings))
        report.write(report.compose(benchmarks, quick=given.quick), given.folder, given.report)
    except settings.BadSetting as error:
        console.print(f"bench: {error}", style="red", markup=False)
        return 2
    except InorderError as error:
        console.print(f"bench: {error}", style="red", markup=False)
        return 1
    console.print(f"results and plots: {given.folder}")
    return 0


def _table(findings: Findings) -> Table:
    table = Table("ratio", "what", "median", "quartiles", "target")
    for name, ratio in findings.ratios.items():
        value = ratio.value
        target = (
            f">= {ratio.at_least:g}"
            if ratio.at_least is not None
            else ("" if ratio.at_most is None else f"<= {ratio.at_most:g}")
        )
        colour = {True: "green", False: "red", None: "default"}[ratio.met]
        spread = f"{value.low:.2f} - {value.high:.2f}"
        table.add_row(name, ratio.what, f"[{colour}]{value.median:.2f}[/]", spread, target)
    return table


if __name__ == "__main__":
    sys.exit(main())
