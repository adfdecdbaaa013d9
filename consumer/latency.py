"""How long events took, in a sample of bounded size: a batch may have ten thousand. Pure."""

from collections.abc import Iterable, Sequence

MOST = 10
"""Values of one metric and batch. CloudWatch takes a hundred (embedded metric format, "Target
members"); over the batches of a minute these are enough for a percentile, at a tenth of the cost.
"""


def sample(count: int, most: int = MOST) -> Sequence[int]:
    """Which of `count` things in a row to look at: each stands for as many as the next."""
    if count <= most:
        return range(count)
    return [(2 * i + 1) * count // (2 * most) for i in range(most)]


def milliseconds(since: Iterable[float], until: float) -> list[int]:
    """Whole milliseconds between times in seconds. Never less than 1, whatever clocks say: of a
    metric with a negative value there are no percentiles, and zero has no logarithm to draw.
    """
    return [max(1, round((until - moment) * 1_000)) for moment in since]
