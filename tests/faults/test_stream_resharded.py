"""P3 and P4 while the stream is split and merged under load, two batches of a shard at once."""

import uuid

import pytest

from contract.metrics import Metric
from local.mapping.undocumented import MergedChild
from tests.consuming.resharding import merge, open_shards, split
from tests.faults.consumer import consuming, quick
from tests.faults.load import sending
from tests.faults.verdict import check, check_overtaken


@pytest.mark.parametrize("merged_child", MergedChild)
def test_split_and_merged(resharding_endpoint, database, tmp_path, merged_child):
    """AWS does not say whether a merged child waits for both its parents. If not, the mapping
    breaks the order, and what can be kept is kept (trap 1).
    """
    endpoint = resharding_endpoint
    name = f"faults-{uuid.uuid4().hex}"
    arn = endpoint.create_stream(name, 1)
    client = endpoint.client()
    with (
        consuming(
            endpoint,
            arn,
            database.consumers_url(),
            tmp_path,
            undocumented=quick(merged_child=merged_child),
        ) as consumer,
        sending(endpoint, arn, seed=61, rate=400) as load,
    ):
        for reshard, which in ((split, 0), (split, 1), (merge, 0), (split, 0), (merge, 1)):
            consumer.wait_for(Metric.EVENTS_APPLIED, 80)
            load.wait_for(80)
            reshard(client, name, which)
        load.wait_for(100)
        load.stop()
        consumer.drain()
        stats = consumer.mapping.stats
        assert (len(open_shards(client, name)), stats.shards, stats.shards_drained) == (2, 9, 7)
    if merged_child is MergedChild.AFTER_BOTH:
        check(load, database.url)
    else:
        check_overtaken(load, database.url)
