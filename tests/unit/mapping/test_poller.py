"""How a shard is polled: the pace, and what LATEST and a lost iterator mean."""

import queue

import pytest

from local.mapping.facts import Read, Record
from local.mapping.poller import AWS_PACE, Pace, ShardPoller
from local.mapping.position import After, AtTimestamp, Latest, TrimHorizon
from local.mapping.stream import IteratorExpired, Page, ReadFailed

AT_ONCE = Pace(busy=0, idle=0, failed=0)


def record(number):
    return Record(
        sequence_number=number, sequence_text=str(number), partition_key="a", arrived_ms=0, size=1
    )


class Script:
    """A stream that answers `page` as written, and remembers which iterators were asked for."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.positions = []

    def iterator(self, shard_id, position):
        self.positions.append(position)
        return f"iterator-{len(self.positions)}"

    def page(self, shard_id, iterator, limit):
        answer = self.pages.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def page(*numbers, following="next", behind=0):
    records = tuple(record(n) for n in numbers)
    return Page(records=records, next_iterator=following, millis_behind=behind)


@pytest.fixture
def poll():
    """Carries out one read after the other; gives the reports, the script and the failures."""
    pollers = []

    def run(script, *positions):
        done, failures = queue.Queue(), []
        poller = ShardPoller(script, "shardId-0", AT_ONCE, done.put, failures.append)
        pollers.append(poller)
        reports = []
        for read_id, position in enumerate(positions):
            poller.read(Read(shard_id="shardId-0", read_id=read_id, position=position, limit=100))
            reports.append(done.get(timeout=5))
        return reports, failures

    yield run
    for poller in pollers:
        poller.stop()
        poller.join()


def test_reading_goes_on_with_the_iterator_it_was_given(poll):
    script = Script(page(1, 2), page(3))
    poll(script, TrimHorizon(), After("2"))
    assert script.positions == [TrimHorizon()]


def test_another_position_takes_another_iterator(poll):
    """As after a restart from the checkpoint."""
    script = Script(page(1, 2), page(1, 2))
    poll(script, TrimHorizon(), TrimHorizon())
    assert script.positions == [TrimHorizon(), TrimHorizon()]


def test_an_expired_iterator_is_replaced_where_it_stood(poll):
    script = Script(page(1, 2), IteratorExpired("expired"), page(3))
    reports, failures = poll(script, TrimHorizon(), After("2"))
    assert script.positions == [TrimHorizon(), After("2")]
    assert reports[1].fact.records == (record(3),)
    assert failures == []


def test_a_failure_is_reported_and_the_read_tried_again(poll):
    script = Script(ReadFailed("away"), ReadFailed("away"), page(1))
    reports, failures = poll(script, TrimHorizon())
    assert reports[0].fact.records == (record(1),)
    assert len(failures) == 2


def test_latest_is_latest_once(poll):
    """An iterator that is lost before the first record must not skip what came meanwhile."""
    script = Script(page(), IteratorExpired("expired"), page(1))
    poll(script, Latest(), Latest())
    assert script.positions[0] == Latest()
    assert isinstance(script.positions[1], AtTimestamp)


@pytest.mark.parametrize(
    ("answer", "at_tip"),
    [
        (page(), True),
        (page(behind=5), False),
        (page(1), False),
        (page(1, following=None), True),
    ],
    ids=["empty", "empty but behind", "records", "the shard's end"],
)
def test_only_an_empty_page_that_is_not_behind_is_the_tip(poll, answer, at_tip):
    (report,), _ = poll(Script(answer), TrimHorizon())
    assert (report.at_tip_since is not None) is at_tip
    assert report.fact.closed is (answer.next_iterator is None)


def test_the_pace_slows_down_while_there_is_nothing():
    pace = Pace(busy=0.02, idle=0.2)
    assert [round(pace.after(empty), 2) for empty in range(6)] == [
        0.02,
        0.04,
        0.08,
        0.16,
        0.2,
        0.2,
    ]
    assert pace.after(10_000) == 0.2


def test_aws_polls_once_a_second():
    """Lambda Developer Guide: "at a rate of once per second for each shard"."""
    assert {AWS_PACE.after(empty) for empty in range(4)} == {1.0}
