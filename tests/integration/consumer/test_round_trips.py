"""The number of round trips does not grow with the batch: counted on the wire."""

import pytest

from tests.consuming.batches import batch_of
from tests.consuming.events import REFUSED, make_event
from tests.consuming.invoking import FINISHED, environment
from tests.consuming.relay import Relay

MOST = {False: 10, True: 4}
"""What a batch may cost on an open connection, the marker included: plain, and in a pipeline."""

MOST_OF_A_SMALL_ONE = {False: 8, True: 4}
"""Where there are too few events to be divided."""

MOST_IN_TROUBLE = {False: 16, True: 5}
"""Where orders wait and events are refused: such orders are loaded once more."""


def spread(events: int, *, orders: int, first: int = 1, **data):
    """Versions in order of so many orders, one after the other."""
    return [
        make_event(first + i // orders, order_id=f"order-{i % orders}", **data)
        for i in range(events)
    ]


@pytest.mark.parametrize(
    "projection", ["tests.consuming.setwise:Setwise", "consumer.orders:Orders"]
)
def test_the_same_for_ten_and_for_ten_thousand(
    relay: Relay, database_url, journal, projection, pipeline
):
    kind = "OrderShipped" if projection.startswith("consumer") else "note"
    counts = {}
    with environment(relay.url(database_url), PROJECTION=projection) as invoke:
        assert invoke(batch_of([make_event(1, order_id="warm", type=kind)])) == FINISHED
        start = 100
        for size in (1, 10, 1_000, 10_000):
            half = size // 2
            events = [
                make_event(
                    1 + i // (size - half), order_id=f"{size}-{i % (size - half)}", type=kind
                )
                for i in range(size)
            ]
            with relay.counting() as counted:
                assert invoke(batch_of(events, start=start)) == FINISHED
            counts[size] = counted[0]
            start += len(events)
    assert counts[1] == counts[10] <= MOST_OF_A_SMALL_ONE[pipeline], counts
    assert counts[1_000] == counts[10_000] <= MOST[pipeline], counts
    assert relay.connections == 1


def test_the_same_where_all_of_it_is_known(relay: Relay, database_url, journal, pipeline):
    counts = []
    with environment(
        relay.url(database_url), PROJECTION="tests.consuming.setwise:Setwise"
    ) as invoke:
        for size in (10, 1_000):
            sent = batch_of(spread(size, orders=size // 5), start=size * 10)
            invoke(sent)
            with relay.counting() as counted:
                assert invoke(sent) == FINISHED
            counts += counted
    assert counts[0] == counts[1] <= MOST[pipeline]


def test_the_same_where_every_order_is_in_trouble(relay: Relay, database_url, journal, pipeline):
    """Blockers, followers, gaps and drains: a few statements more, whatever their number."""
    counts = []
    with environment(
        relay.url(database_url), PROJECTION="tests.consuming.setwise:Setwise"
    ) as invoke:
        for orders in (3, 300):
            names = [f"{orders}-{i}" for i in range(orders)]
            early = [make_event(v, order_id=n) for n in names for v in (1, 3, 4)]
            late = [make_event(2, order_id=n) for n in names]
            late += [make_event(5, order_id=n, type=REFUSED) for n in names]
            late += [make_event(6, order_id=n) for n in names]
            invoke(batch_of(early, start=orders * 1_000))
            with relay.counting() as counted:
                assert invoke(batch_of(late, start=orders * 1_000 + 900)) == FINISHED
            counts += counted
    assert counts[0] == counts[1] <= MOST_IN_TROUBLE[pipeline]
