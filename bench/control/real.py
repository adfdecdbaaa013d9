"""Draws what `make throttle THROTTLE_OUT=folder` measured: python -m bench.control.real folder."""

import sys
from pathlib import Path

import msgspec

from bench import plots
from local.control.__main__ import Run

_COLOURS = {"fixed at the most": plots.BOUND}


def draw(runs: list[Run], file: Path) -> None:
    """Events finished, sessions at work, a bystander's query and the lag, second by second."""
    titles = ("events/s finished", "sessions at work", "a bystander's query, ms", "lag, s")
    with plots.figure(file, columns=4, size=(12.0, 3.2)) as columns:
        for run in runs:
            at = [sample.at for sample in run.samples]
            drawn = {
                "color": _COLOURS.get(run.name, plots.OURS),
                "linewidth": 1.1,
                "label": run.name,
            }
            columns[0].plot(at, _calm([sample.finished for sample in run.samples]), **drawn)
            columns[1].step(at, [sample.sessions for sample in run.samples], **drawn)
            columns[2].plot(at, [sample.bystander_ms for sample in run.samples], **drawn)
            columns[3].plot(at, [sample.lag for sample in run.samples], **drawn)
        for axes, title in zip(columns, titles, strict=True):
            axes.set_title(title, fontsize=9)
            axes.set_xlabel("seconds")
            axes.set_ylim(bottom=0)
        columns[2].set_yscale("log")
        columns[2].set_ylim(10, None)
        columns[0].legend(fontsize=7)


def _calm(values: list[int], width: int = 5) -> list[float]:
    return [
        sum(values[max(0, i - width + 1) : i + 1]) / min(i + 1, width) for i in range(len(values))
    ]


def main() -> None:
    folder = Path(sys.argv[1])
    runs = msgspec.json.decode((folder / "throttle.json").read_bytes(), type=list[Run])
    bursts = [run for run in runs if run.name.startswith("burst")]
    for limit, name in (("law", "throttled"), ("processor", "throttled-processor")):
        chosen = [run for run in runs if run.limit == limit and run not in bursts]
        draw(chosen, folder / f"{name}.svg")
    draw(bursts, folder / "burst.svg")


if __name__ == "__main__":
    main()
