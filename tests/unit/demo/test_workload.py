"""The generated workload is the same for the same seed, and as messy as it says."""

import itertools
import random
from collections import Counter, defaultdict

import pytest

from contract import encode_event, parse_event
from local.demo.workload import FAULTS, Send, generate


@pytest.fixture(scope="module")
def sends() -> list[Send]:
    return list(generate(seed=1, count=20_000))


def test_the_same_seed_gives_the_same_bytes(sends: list[Send]) -> None:
    again = generate(seed=1, count=20_000)
    assert [encode_event(send.event) for send in again] == [
        encode_event(send.event) for send in sends
    ]
    other = next(generate(seed=2, count=20_000))
    assert other.event.id != sends[0].event.id


def test_every_event_keeps_the_contract(sends: list[Send]) -> None:
    for send in sends:
        assert parse_event(encode_event(send.event)) == send.event


def test_it_has_as_many_distinct_events_as_asked_for_and_some_sent_again(
    sends: list[Send],
) -> None:
    distinct = [send for send in sends if not send.again]
    assert len({send.event.id for send in distinct}) == len(distinct)
    assert 20_000 <= len(distinct) < 20_700
    again = [send for send in sends if send.again]
    assert 0.005 < len(again) / len(distinct) < 0.02
    assert {send.event.id for send in again} <= {send.event.id for send in distinct}


def test_orders_are_skewed_interleaved_and_of_both_kinds(sends: list[Send]) -> None:
    sizes = Counter(send.event.order_id for send in sends)
    (_, hottest), (_, second) = sizes.most_common(2)
    assert hottest > 1.5 * second > 100
    versioned = {send.event.order_id for send in sends if send.event.version is not None}
    assert 0.65 < len(versioned) / len(sizes) < 0.85
    neighbours = itertools.pairwise(sends)
    assert sum(a.event.order_id != b.event.order_id for a, b in neighbours) > 0.8 * len(sends)


def test_versions_come_in_order_but_for_the_orders_that_break_the_rules(
    sends: list[Send],
) -> None:
    versions = defaultdict(list)
    for send in sends:
        if not send.again:
            versions[send.event.order_id].append(send.event.version)
    broken = [v for v in versions.values() if v[0] and v != list(range(1, len(v) + 1))]
    assert 0 < len(broken) < 0.02 * len(versions)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_changes_an_order(fault: str) -> None:
    orders = defaultdict(list)
    for send in generate(seed=3, count=2_000):
        if not send.again:
            orders[send.event.order_id].append(send.event)
    sound = next(
        order
        for order in orders.values()
        if [event.version for event in order] == list(range(1, len(order) + 1)) and len(order) > 5
    )
    assert FAULTS[fault](sound, random.Random(1)) != sound
