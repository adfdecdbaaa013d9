"""The breaker around a PostgreSQL that goes away: nothing lost, parked or out of order by it.

The real consumer in processes of its own, a real Kinesis endpoint, the local mapping, and the same
turn of the loop as in the Lambda function, with a period of a second.
"""

import time

import psycopg
import pytest

from controller.bounds import Bounds
from controller.breaker import Phase
from local.control.scene import Rate, load, scene
from local.control.world import Controlling, LocalWorld
from tests.consuming.waiting import until

PERIOD = 1.0
BOUNDS = Bounds(
    period=PERIOD, most=3, batch_size=50, window=0, backlog_ms=2_000.0, settle=0.1, ripe=0.0
)


@pytest.fixture
def made():
    with scene(shards=2, factor=2, batch_size=50, most_factor=3) as up:
        yield up


def test_the_stream_stops_and_goes_on_where_it_was(made):
    phases: list[Phase] = []
    real: list[tuple[bool, int, int]] = []
    world = LocalWorld(made.runner, made.settings, made.log, made.shards, PERIOD)

    def tell(turn) -> None:
        phase = turn.decision.state.breaker.phase
        if not phases or phases[-1] is not phase:
            phases.append(phase)
            now = world.settings
            real.append((now.enabled, now.parallelization_factor, now.batch_size))

    with Controlling(world, BOUNDS, tell):
        with load(made, Rate(150.0)):
            until(lambda: made.runner.stats.answered >= 10, seconds=40)
            made.server.stop()
            until(lambda: Phase.OPEN in phases, seconds=40)
            until(lambda: made.runner.stats.in_flight == 0, seconds=40)
            invoked = made.runner.stats.invocations
            time.sleep(0.5 * PERIOD)
            if world.state.breaker.phase is Phase.OPEN:
                assert made.runner.stats.invocations == invoked, "an open breaker invokes nothing"
            made.server.start()
            until(lambda: phases[-1] is Phase.CLOSED and Phase.OPEN in phases, seconds=60)
        made.runner.wait_drained(120)
    assert phases[:3] == [Phase.CLOSED, Phase.OPEN, Phase.HALF_OPEN]
    assert real[1][0] is False
    assert real[2] == (True, 1, 10), "one small batch per shard at a time"
    assert made.runner.stats.discarded_records == 0
    with psycopg.connect(made.server.url) as connection:
        asked = connection.execute(
            "select count(*) from inorder.parking_lot where reason in ('killer', 'failed')"
        ).fetchone()
        holes = connection.execute(
            "select count(*) from (select 1 from inorder.ledger group by order_id"
            " having max(ordinal) <> count(*)) as holes"
        ).fetchone()
        kept = connection.execute(
            "select (select count(*) from inorder.ledger) + (select count(*) from"
            " inorder.parking_lot)"
        ).fetchone()
    assert asked == (0,), "an outage parks nobody"
    assert holes == (0,)
    assert kept[0] > 0.9 * made.sent, "what was sent stands somewhere (re-sends count once)"
