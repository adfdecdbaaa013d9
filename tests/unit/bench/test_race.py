"""Turns, blocks and ratios: what the headline numbers are made of."""

import sys
from contextlib import contextmanager
from itertools import pairwise

import pytest

from bench.contestant import ContestantFailed, Entry, Lap
from bench.race import Block, _blocks, race, ratio_of, spread, takes_part


def block(events: int, seconds: float) -> Block:
    return Block(events=events, seconds=seconds, cpu_seconds=0.0)


@pytest.mark.parametrize(("turns", "wanted"), [(200, 10), (7, 3), (4, 1), (5, 5)])
def test_a_slow_one_takes_as_many_turns_as_it_wants_spread_evenly(turns, wanted):
    taken = [turn for turn in range(turns) if takes_part(turn, turns, wanted)]
    assert len(taken) == wanted
    gaps = [later - earlier for earlier, later in pairwise(taken)]
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_a_slow_one_warms_up_once():
    assert [turn for turn in range(-3, 0) if takes_part(turn, 10, 2)] == [-1]
    assert [turn for turn in range(-3, 0) if takes_part(turn, 10, None)] == [-3, -2, -1]


def test_blocks_hold_the_turns_of_the_same_time():
    laps = [(turn, Lap(10, turn + 1.0, 0.5)) for turn in range(6)]
    assert _blocks(laps, 6, 2) == [
        Block(events=30, seconds=6.0, cpu_seconds=1.5),
        Block(events=30, seconds=15.0, cpu_seconds=1.5),
    ]


def test_a_ratio_compares_block_with_block():
    """The second half was twice as slow for both: the ratio does not notice."""
    repeats = [{"ours": [block(100, 1.0), block(100, 2.0)], "peer": [block(5, 0.5), block(5, 1.0)]}]
    found = ratio_of(repeats, "ours", "peer")
    assert (found.median, found.low, found.high, found.of) == (10.0, 10.0, 10.0, 2)


def test_a_ratio_of_blocks_that_do_not_match_is_an_error():
    with pytest.raises(ValueError, match="zip"):
        ratio_of([{"ours": [block(1, 1.0)] * 2, "peer": [block(1, 1.0)]}], "ours", "peer")


def test_spread_of_few():
    assert spread([3.0]).high == spread([3.0]).low == 3.0
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]).low == 2.0


class Counting:
    """Its turns have as many events as their number says."""

    def __init__(self, fail_at: int) -> None:
        self._fail_at = fail_at

    def prepare(self, turn):
        return turn

    def work(self, turn):
        if turn == self._fail_at:
            raise RuntimeError("no more")
        sys.stdout.write("what it prints goes nowhere\n")
        return turn + 1


@contextmanager
def counting(*, fail_at: int = -1):
    yield Counting(fail_at)


def test_contestants_run_in_processes_of_their_own():
    entries = [Entry(name="a", start=counting), Entry(name="b", start=counting, turns=1)]
    (repeat,) = race(lambda _: entries, turns=4, warm_up=1, repeats=1, blocks=1)
    assert [each.events for each in repeat["a"]] == [2 + 3 + 4 + 5]
    assert [each.events for each in repeat["b"]] == [2]


def test_one_that_raises_ends_the_race_and_says_why():
    entries = [Entry(name="a", start=counting, given={"fail_at": 1})]
    with pytest.raises(ContestantFailed, match=r"a, turn 1(?s:.)*no more"):
        race(lambda _: entries, turns=4, warm_up=0, repeats=1, blocks=1)
