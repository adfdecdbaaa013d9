"""The pictures of `make control`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import plots
from bench.control.scores import Score
from bench.control.trial import Trial

_COLOURS = {
    "controller": plots.OURS,
    "AIMD": "#8a8f98",
    "Vegas": "#3d6fb4",
    "Gradient2": "#b48a3d",
}


def shares(file: Path, results: Mapping[str, Mapping[str, Sequence[Score]]]) -> None:
    """Throughput in steady state, as a share of the best fixed setting: median, and from worst to
    best of the seeds.
    """
    names = [
        n for n, scores in results.items() if next(iter(scores.values()))[0].steady is not None
    ]
    with plots.figure(file, size=(8.4, 4.6)) as axes:
        for place, who in enumerate(next(iter(results.values()))):
            middles, lows, highs = [], [], []
            for name in names:
                values = sorted(s.steady or 0.0 for s in results[name][who])
                middle = values[len(values) // 2]
                middles.append(middle)
                lows.append(middle - values[0])
                highs.append(values[-1] - middle)
            at = [i + (place - 4) * 0.085 for i in range(len(names))]
            axes.errorbar(
                at,
                middles,
                yerr=[lows, highs],
                fmt="o",
                markersize=4,
                linewidth=1,
                color=_COLOURS.get(who, plots.BOUND),
                alpha=1.0 if who in _COLOURS else 0.45,
                label=who,
            )
        axes.axhline(0.95, color="#444444", linewidth=0.8, linestyle=":")
        axes.set_xticks(range(len(names)), [n.replace(", ", ",\n") for n in names], fontsize=8)
        axes.set_ylim(0, 1.03)
        axes.set_ylabel("of the best fixed setting's throughput")
        axes.legend(fontsize=7, ncols=5, loc="lower center")


def overloads(file: Path, results: Mapping[str, Mapping[str, Sequence[Score]]]) -> None:
    """How many of the runs were overloaded for so long at a stretch, over all scenarios."""
    with plots.figure(file) as axes:
        for who in next(iter(results.values())):
            spells = sorted(s.overload for scores in results.values() for s in scores[who])
            over = [1 - i / len(spells) for i in range(len(spells))]
            axes.step(
                [max(s, 0.1) for s in spells],
                over,
                where="post",
                color=_COLOURS.get(who, plots.BOUND),
                alpha=1.0 if who in _COLOURS else 0.35,
                label=who,
            )
        axes.axvline(3, color="#444444", linewidth=0.8, linestyle=":")
        axes.set_xscale("log")
        axes.set_xlabel("longest overload of a run, in periods")
        axes.set_ylabel("share of the runs with a longer one")
        axes.legend(fontsize=7)


def course(file: Path, name: str, trials: Mapping[str, Trial]) -> None:
    """One seed: the factor, what is done, and the lag, over time."""
    with plots.figure(file, columns=3, size=(11.0, 3.4)) as columns:
        for who, trial in trials.items():
            minutes = [sample.at / 60 for sample in trial.samples]
            colour = _COLOURS.get(who, plots.BOUND)
            drawn = {"color": colour, "linewidth": 1.1, "label": who}
            columns[0].step(minutes, [s.factor for s in trial.samples], where="post", **drawn)
            columns[1].plot(minutes, _smooth([s.events / 5 for s in trial.samples]), **drawn)
            columns[2].plot(minutes, [s.age / 60 for s in trial.samples], **drawn)
        best = next(iter(trials.values())).samples
        columns[0].step(
            [s.at / 60 for s in best],
            [s.best for s in best],
            where="post",
            color="#222222",
            linestyle=":",
            label="best",
        )
        for axes, title in zip(columns, ("factor", "events/s", "lag, minutes"), strict=True):
            axes.set_title(title, fontsize=9)
            axes.set_xlabel("minutes")
        columns[0].legend(fontsize=6)
        columns[1].set_title(f"{name}: events/s", fontsize=9)


def _smooth(values: Sequence[float], width: int = 12) -> list[float]:
    return [
        sum(values[max(0, i - width + 1) : i + 1]) / min(i + 1, width) for i in range(len(values))
    ]
