"""The workload is what the numbers say it is."""

from collections import Counter
from itertools import islice

from bench.workload import Workload
from contract import parse_event


def test_w1():
    events = list(islice(Workload().events(), 20_000))
    assert {len(sent.data) for sent in events} == {250}
    versions = Counter()
    for sent in events:
        event = parse_event(sent.data)
        versions[event.order_id] += 1
        assert (event.order_id, event.version) == (sent.order_id, versions[event.order_id])
    hottest = versions.most_common(1)[0][1]
    assert 0.12 < hottest / len(events) < 0.17
    assert [sent.data for sent in islice(Workload().events(), 100)] == [
        sent.data for sent in events[:100]
    ]


def test_orders_alike_and_other_sizes():
    events = list(islice(Workload(exponent=0.0, orders=100, size=1_000).events(), 5_000))
    counts = Counter(sent.order_id for sent in events)
    assert max(counts.values()) < 100
    assert {len(sent.data) for sent in events} == {1_000}


def test_events_come_again_and_break_rules():
    events = list(islice(Workload(resent=0.05, refused=0.05).events(), 5_000))
    again = len(events) - len({sent.data for sent in events})
    assert 150 < again < 350
    refused = sum(b"OrderTeleported" in sent.data for sent in events)
    assert 100 < refused < 350
