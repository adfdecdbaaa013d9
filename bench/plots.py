"""How every plot of the suite looks. Plots are SVG and the same bytes for the same numbers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

OURS = "#0b6e4f"
PEER = "#8a8f98"
BOUND = "#c8553d"

_STYLE = Path(__file__).with_suffix(".mplstyle")


@contextmanager
def figure(
    file: Path, *, columns: int = 1, size: tuple[float, float] = (7.2, 3.6)
) -> Iterator[Any]:
    """Axes to draw on (an array of them for several columns); saved at the end of the block."""
    mpl.use("svg")
    with plt.style.context(_STYLE):
        drawn, axes = plt.subplots(1, columns, figsize=size)
        yield axes
        drawn.savefig(file, metadata={"Date": None})
        plt.close(drawn)


def bars(
    axes: Axes, spreads: Mapping[str, Mapping[str, float]], colours: Mapping[str, str]
) -> None:
    """A horizontal bar per name, its quartiles, and its value in figures."""
    names = list(spreads)[::-1]
    values = [spreads[name]["median"] for name in names]
    errors = [
        [spreads[name]["median"] - spreads[name]["low"] for name in names],
        [spreads[name]["high"] - spreads[name]["median"] for name in names],
    ]
    axes.barh(
        names, values, xerr=errors, color=[colours.get(n, PEER) for n in names], ecolor="#444444"
    )
    for place, name in enumerate(names):
        end = spreads[name]["high"]
        axes.text(end, place, f"  {spreads[name]['median']:,.0f}", va="center", fontsize=8)
    axes.set_xlim(right=1.15 * max(spread["high"] for spread in spreads.values()))
    axes.grid(visible=False, axis="y")
