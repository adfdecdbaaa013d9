"""The arithmetic that the template's rules cannot do."""

import json
from pathlib import Path

import msgspec
import pytest

from contract.sizing import (
    BATCH_BYTES,
    ENVELOPE_BYTES,
    Sizing,
    aurora_connections,
    problems,
)

GOLDEN = Path(__file__).parents[2] / "events"

SOUND = Sizing(
    shards=4,
    factor=2,
    highest_factor=2,
    batch_size=500,
    record_bytes=500,
    consumer_cap=8,
    connections=100,
)


def but(**changes) -> Sizing:
    return msgspec.structs.replace(SOUND, **changes)


def test_a_sound_sizing_has_no_problem():
    assert problems(SOUND) == []


class TestConnections:
    @pytest.mark.parametrize(("connections", "refused"), [(10, True), (11, False)])
    def test_shards_times_factor_redrive_and_auditor_have_room(self, connections, refused):
        found = problems(but(connections=connections, consumer_cap=0))
        assert bool(found) is refused
        if refused:
            assert "4 shards x factor 2 = 8 batches" in found[0]
            assert "11 connections" in found[0]
            assert "admits 10" in found[0]

    def test_a_cap_above_what_the_mapping_runs_counts_whole(self):
        """Deliveries that AWS has given up on may go on: only the cap is hard."""
        (found,) = problems(but(consumer_cap=98))
        assert "101 connections" in found

    def test_without_a_cap_the_mapping_is_the_bound(self):
        assert problems(but(consumer_cap=0, connections=11)) == []
        assert problems(but(consumer_cap=0, connections=10))

    @pytest.mark.parametrize(("connections", "refused"), [(42, True), (43, False)])
    def test_so_has_what_the_controller_may_go_up_to(self, connections, refused):
        found = problems(but(highest_factor=10, consumer_cap=0, connections=connections))
        assert bool(found) is refused
        assert all("4 shards x factor 10 = 40 batches" in text for text in found)

    def test_a_cap_bounds_the_controller(self):
        assert problems(but(highest_factor=10, connections=11)) == []

    @pytest.mark.parametrize(("cap", "refused"), [(97, False), (98, True)])
    def test_on_demand_the_cap_is_all_there_is(self, cap, refused):
        assert bool(problems(but(shards=None, consumer_cap=cap))) is refused


class TestCap:
    @pytest.mark.parametrize(("cap", "refused"), [(7, True), (8, False), (0, False)])
    def test_a_cap_does_not_throttle_the_mapping(self, cap, refused):
        found = problems(but(consumer_cap=cap))
        assert bool(found) is refused
        assert all("ConsumerConcurrency is 7" in text for text in found)


class TestBatches:
    def test_the_largest_batch_that_can_be_full_is_let_through(self):
        largest = but(record_bytes=1000).fullest_batch
        assert problems(but(record_bytes=1000, batch_size=largest)) == []
        (found,) = problems(but(record_bytes=1000, batch_size=largest + 1))
        assert f"at most {largest}" in found

    def test_it_fits_in_an_invocation(self):
        sizing = but(record_bytes=1000)
        one = -(-1000 // 3) * 4 + ENVELOPE_BYTES
        assert sizing.fullest_batch * one <= BATCH_BYTES < (sizing.fullest_batch + 1) * one

    def test_a_record_of_any_size_comes_alone(self):
        assert problems(but(record_bytes=10_000_000, batch_size=1)) == []

    def test_the_envelope_is_what_lambda_sends(self):
        """Measured on golden events, whose names are shorter than the longest there are."""
        records = json.loads((GOLDEN / "kinesis-plain.json").read_text())["Records"]
        beside = [
            len(json.dumps(record, separators=(",", ":"))) - len(record["kinesis"]["data"])
            for record in records
        ]
        assert max(beside) <= ENVELOPE_BYTES
        assert 2 * max(beside) > ENVELOPE_BYTES


class TestAurora:
    @pytest.mark.parametrize(
        ("maximum", "connections"),
        [(1, 189), (3.5, 189), (4, 823), (8, 1669), (15.5, 1669), (16, 3360), (32, 5000)],
    )
    def test_max_connections_follow_the_largest_capacity(self, maximum, connections):
        found = aurora_connections(min_capacity=1, max_capacity=maximum, percent=100)
        assert found == connections

    def test_half_a_unit_at_least_means_two_thousand_at_most(self):
        assert aurora_connections(min_capacity=0.5, max_capacity=64, percent=100) == 2000
        assert aurora_connections(min_capacity=0.5, max_capacity=4, percent=100) == 823

    def test_the_proxy_has_its_share(self):
        assert aurora_connections(min_capacity=1, max_capacity=8, percent=70) == 1168
