"""The tip of the stream: what has to be read before everything was read."""

import pytest

from local.mapping.facts import RecordsRead
from local.mapping.poller import ReadDone
from local.mapping.tip import Tip

SHARD = "shard-0"


def read(tip: Tip, *, at: float, tip_since: float | None, closed: bool = False) -> None:
    fact = RecordsRead(shard_id=SHARD, read_id=1, records=(), closed=closed)
    tip.read(ReadDone(fact=fact, at_tip_since=tip_since, millis_behind=0), at)


@pytest.fixture
def tip() -> Tip:
    made = Tip()
    made.listed(0.0)
    return made


def test_a_shard_that_ended_wants_a_listing_for_its_children(tip):
    read(tip, at=1.0, tip_since=0.9, closed=True)
    assert tip.wants_listing
    tip.listed(1.1)
    assert not tip.wants_listing


def test_a_shard_that_ended_may_be_read_again(tip):
    """An update of the mapping can start again from before its end."""
    read(tip, at=1.0, tip_since=0.9, closed=True)
    read(tip, at=2.0, tip_since=None)
    assert not tip.wants_listing
    assert not tip.reached(1.5, frozenset({SHARD}))
    read(tip, at=3.0, tip_since=2.9, closed=True)
    assert tip.wants_listing
    tip.listed(3.1)
    assert tip.reached(1.5, frozenset({SHARD}))
