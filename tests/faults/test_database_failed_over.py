"""P1 and P6: the writer fails over to its standby under load, behind one address."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.metrics import Metric
from local.postgres import Postgres, temporary_folder
from tests.faults.consumer import consuming
from tests.faults.fault_proxy import Cut, FaultProxy
from tests.faults.load import sending
from tests.faults.served import Served, serve
from tests.faults.standby import promote, standby_of
from tests.faults.verdict import check


@pytest.fixture
def writer() -> Iterator[Served]:
    """A server of this test's own: it does not come back."""
    with temporary_folder() as folder, Postgres(Path(folder)) as server:
        yield serve(server).database("migrated")


@pytest.fixture
def standby(writer: Served) -> Iterator[Postgres]:
    with temporary_folder() as folder:
        started = standby_of(writer.server, Path(folder))
        yield started
        started.kill()


@pytest.fixture
def address(writer: Served) -> Iterator[FaultProxy]:
    made = FaultProxy(writer.server.port)
    yield made
    made.close()


def test_killed_while_it_writes(endpoint, arn, writer, standby, address, tmp_path):
    """For a while the address leads to the standby before it is promoted, which reads only. What
    was committed is there on the other side, also what was committed without an answer.
    """
    url = writer.consumers_url(address.port)
    with (
        consuming(endpoint, arn, url, tmp_path) as consumer,
        sending(endpoint, arn, seed=31) as load,
    ):
        consumer.wait_for(Metric.EVENTS_APPLIED, 400)
        address.cut_next_commits(*[Cut.BEFORE_ANSWER] * 3)
        consumer.wait_for(Metric.EVENTS_APPLIED, 100)
        writer.server.kill()
        consumer.wait_for(Metric.BATCHES_INTERRUPTED, 4)
        address.target = standby.port
        consumer.wait_to_hear("connected to a read-only replica")
        assert load.is_live
        promote(standby)
        consumer.wait_for(Metric.EVENTS_APPLIED, 400)
        load.stop()
        consumer.drain()
    assert address.cuts[Cut.BEFORE_ANSWER] == 3
    assert consumer[Metric.KILLERS_PARKED] == 0
    check(load, writer._replace(server=standby).url)
