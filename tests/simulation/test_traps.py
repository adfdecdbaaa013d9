"""The interleavings that broke earlier drafts, each played on purpose, several times over.

Every test runs its interleaving under many seeds: what is left to chance (delays, who comes first)
differs, what is set up does not. The checker holds all promises at every commit besides.
"""

import logging

import pytest

from local.mapping.undocumented import (
    BisectHalves,
    MergedChild,
    Undocumented,
    UpdateDuringBatch,
)
from tests.simulation.plans import changed, fault, order, scenario
from tests.simulation.world import World

RUNS = 25


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def play(*orders, faults=(), **given):
    """Run it under many seeds; every run has to keep every promise. Returns the histories."""
    histories = []
    for seed in range(RUNS):
        ran = World(scenario(*orders, faults=faults, seed=seed, **given)).run()
        assert ran.broken is None, f"seed {seed}: {ran.broken}\n" + "\n".join(ran.history)
        histories.append("\n".join(ran.history))
    return histories


def fallow(order_id, *, versioned=True):
    return order(order_id, *["note"] * 4, versioned=versioned)


def parked(history, reason):
    lines = history.splitlines()
    return [line for line in lines if f"blocker {reason}" in line and line.endswith(" in")]


def test_trap_1_read_after_its_successors_an_unversioned_event_is_never_skipped():
    histories = play(
        *(order(name, *["note"] * 8, versioned=False, pause_ms=100) for name in "ABCDEF"),
        faults=(fault("disable", 50, 3_000), fault("merge", 400)),
        shards=2,
        undocumented=Undocumented(merged_child=MergedChild.AFTER_ONE),
        mapping={"batch_size": 1},
    )
    assert any(parked(history, "overtaken") for history in histories)


def test_trap_2_a_put_that_lands_after_its_repetition_and_its_successor_is_a_duplicate():
    histories = play(
        fallow("A", versioned=False),
        fallow("B"),
        faults=(fault("put_late", 0, 1_500, rate=0.9),),
    )
    assert any("Unknown" in history and "resume" in history for history in histories)


@pytest.mark.parametrize("kind", ["kill", "hang"])
@pytest.mark.parametrize("buckets", [False, True], ids=["plain", "inside aggregates"])
def test_trap_4_only_the_killer_is_parked_whatever_happens_beside(kind, buckets):
    histories = play(
        order("A", "note", "note", kind, "note", pause_ms=50),
        *(order(name, *["note"] * 4, pause_ms=50) for name in "BCDE"),
        faults=(
            fault("twin", 0, 60_000, rate=0.3),
            fault("lock_timeout", 500, 5_000, rate=0.1),
            fault("serialization", 5_000, 20_000, rate=0.1),
        ),
        buckets=(buckets,),
    )
    assert all(len(parked(history, "killer")) >= 1 for history in histories)


def test_trap_4_a_killer_that_waited_in_the_lot_keeps_its_deaths():
    """Its own delivery comes again with every death and is a duplicate by then."""
    histories = play(
        order("A", "note", "late", "note", "note", "hang", pause_ms=30),
        mapping={"batch_size": 2},
        drain_entries=2,
    )
    assert all(parked(history, "killer") for history in histories)


def test_trap_5_a_mapping_that_is_created_again_replays_everything():
    histories = play(
        fallow("A"),
        fallow("B", versioned=False),
        order("C", "note", "refuse", "note"),
        order("D", "note", "garbled", "note"),
        faults=(fault("mapping_recreate", 3_000), fault("mapping_recreate", 4_000)),
    )
    assert all(history.count("created again") == 2 for history in histories)


@pytest.mark.parametrize(
    "kind",
    [
        *("demotion", "failover", "outage", "restart", "idle_timeout", "canceled"),
        *("connections_full", "bad_password", "missing_table", "serialization", "cut"),
    ],
)
def test_trap_7_nothing_is_parked_for_what_the_database_does(kind):
    histories = play(
        fallow("A"), fallow("B", versioned=False), faults=(fault(kind, 300, 30_000, rate=0.7),)
    )
    assert not any("commit lot" in history for history in histories)


def test_trap_9_a_projection_that_changes_its_state_and_raises_leaves_nothing():
    histories = play(order("A", "note", "break", "note", pause_ms=0), fallow("B"))
    assert all(parked(history, "failed") for history in histories)


def test_trap_10_two_invocations_of_the_same_batch_at_once():
    play(
        *(order(name, *["note"] * 5, versioned=name < "D", pause_ms=100) for name in "ABCDEF"),
        faults=(fault("twin", 0, 60_000, rate=1.0),),
    )


def test_trap_11_a_bad_deploy_parks_fewer_orders_than_stop_it_and_the_next_redrives_them():
    histories = play(
        *(order(name, *["note"] * 6, pause_ms=800) for name in "ABCDEF"),
        faults=(fault("bad_deploy", 1_000, 30_000),),
        mapping={"batch_size": 1},
    )
    for history in histories:
        assert len(parked(history, "failed")) < 3


def test_trap_11_one_bad_type_of_event_stops_nobody_while_others_succeed():
    histories = play(
        *(order(name, "note", "break", "note", pause_ms=700) for name in "ABCD"),
        *(order(name, *["note"] * 20, pause_ms=100) for name in "EFGH"),
    )
    assert all(len(parked(history, "failed")) == 4 for history in histories)


@pytest.mark.parametrize("flavour", ["spoil", "curse"])
def test_trap_12_load_or_save_fails_for_one_order(flavour):
    histories = play(order("A", "note", flavour, "note", "note"), fallow("B"))
    assert all(parked(history, "data_error") for history in histories)


def test_trap_15_somebody_holds_the_locks_of_some_orders_for_long():
    histories = play(
        fallow("A"),
        fallow("B"),
        faults=(fault("intruder", 1_100, 25_000, chance=0.0),),
        timeout_ms=60_000,
    )
    assert any("55P03" in history for history in histories)
    assert not any("commit lot" in history for history in histories)


def test_trap_16_behind_a_redriven_event_the_next_one_applies_and_the_lot_drains():
    play(
        order("A", "note", "refuse", "late", "note", "note", "note", pause_ms=400),
        faults=(fault("fix", 1_500, chance=0.1),),
    )


def test_trap_17_a_version_that_nobody_ever_sends():
    histories = play(order("A", "note", "missing", "note", "note"), fallow("B"))
    assert all("lot 1 gap early" in history for history in histories)


def test_trap_18_unreadable_bytes_under_a_key_that_orders_share():
    """A stray, unless an aggregate says whose they are; the versioned order waits at its gap."""
    alone, together = (
        play(
            order("A", "note", "garbled", "note", pause_ms=pause),
            fallow("B"),
            fallow("C"),
            buckets=(True,),
        )
        for pause in (5_000, 0)
    )
    put_aside = [history for history in alone if "stray unreadable" in history]
    assert len(put_aside) > RUNS / 2
    for history in put_aside:
        assert not parked(history, "unreadable")
        assert "gap early" in history
    assert all(parked(history, "unreadable") for history in together)


def test_trap_19_an_event_of_the_wrong_kind_and_a_double_in_one_batch():
    twice = order("B", "note", "note", "note", pause_ms=0)
    first = twice.items[0]
    twice = changed(
        twice, 2, flavour="again", id=first.id, version=1, token=first.token, equals=first.n
    )
    mixed = changed(order("A", "note", "note", "note"), 1, flavour="wrong_kind", version=None)
    histories = play(mixed, twice)
    assert all(len(parked(history, "wrong_kind")) >= 1 for history in histories)


def test_trap_22_zombies_are_held_by_reserved_concurrency_and_fenced_by_the_lock():
    histories = play(
        *(order(name, *["note"] * 6, pause_ms=200) for name in "ABCD"),
        faults=(
            fault("stall", 0, 20_000, rate=0.3),
            fault("half_open", 0, 60_000, rate=0.7),
            fault("twin", 0, 60_000, rate=0.7),
            fault("mapping_restart", 2_000),
        ),
        concurrency=3,
    )
    assert any("throttled" in history for history in histories)


@pytest.mark.parametrize("halves", list(BisectHalves))
@pytest.mark.parametrize("update", list(UpdateDuringBatch))
def test_trap_23_what_aws_leaves_open_goes_either_way(halves, update):
    histories = play(
        *(order(name, *["note"] * 5, versioned=name < "C", pause_ms=150) for name in "ABCDE"),
        faults=(
            fault("answer_lost", 0, 3_000, rate=0.4),
            fault("commit_answer_lost", 0, 3_000, rate=0.3),
            fault("mapping_update", 700, chance=0.3),
            fault("mapping_update", 1_300, chance=0.8),
            fault("split", 900),
            fault("merge", 2_000),
        ),
        shards=2,
        undocumented=Undocumented(bisect_halves=halves, update_during_batch=update),
    )
    assert any("answer_lost" in history for history in histories)


TEN_MINUTES = 600_000


def under_load(*names, last_ms):
    """Orders whose events are sent, a few a second in all, until then."""
    pause = 4_000
    return [order(n, *["note"] * (last_ms // pause), pause_ms=pause) for n in names]


def test_ten_minutes_without_a_database_under_load_park_nothing_and_drain_in_order(monkeypatch):
    """P6, in the simulation's time: every invocation of ten minutes meets the outage."""
    monkeypatch.setattr("tests.simulation.test_traps.RUNS", 3)
    outage = fault("outage", 10_000, TEN_MINUTES)
    histories = play(*under_load(*"ABCDEF", last_ms=TEN_MINUTES + 60_000), faults=(outage,))
    for history in histories:
        lines = history.splitlines()
        began, ended = (
            next(i for i, line in enumerate(lines) if word in line)
            for word in ("happens outage", "ends outage")
        )
        away = lines[began:ended]
        assert sum("answers" in line for line in away) > 60, "the outage was met by too few"
        assert sum("landed" in line for line in away) > 500, "there was no load"
        assert not any("commit" in line for line in away[50:])
        assert not any("commit lot" in line for line in lines)


def test_ten_minutes_of_a_bad_deploy_under_load_stop_the_stream_and_park_fewer_than_it_takes(
    monkeypatch,
):
    monkeypatch.setattr("tests.simulation.test_traps.RUNS", 3)
    bad = fault("bad_deploy", 10_000, TEN_MINUTES)
    histories = play(*under_load(*"ABCDEF", last_ms=TEN_MINUTES + 60_000), faults=(bad,))
    for history in histories:
        assert "is stopped" in history
        assert len(parked(history, "failed")) < 3


def test_a_flapping_database_blames_nobody_however_often_markers_are_left_behind():
    """Invocations that end in order and cannot say so, on one event again and again: the connection
    is lost in the middle, and there is no other to be had.
    """
    histories = play(
        order("A", *["note"] * 10, pause_ms=3_000),
        faults=(
            fault("twin", 0, 60_000, rate=0.5),
            fault("cut", 0, 60_000, rate=0.5),
            fault("connections_full", 0, 60_000, rate=0.7),
        ),
        mapping={"batch_size": 1},
        concurrency=20,
    )
    assert sum("apart env" in history for history in histories) > RUNS / 2
    assert not any(" blocker " in history for history in histories)


def test_what_expires_unread_is_a_gap_where_there_are_versions():
    histories = play(
        order("A", *["note"] * 6, pause_ms=1_000),
        faults=(fault("disable", 1_500, 30_000), fault("expiry", 4_500)),
    )
    expired = [history for history in histories if "expired" in history]
    assert len(expired) > RUNS / 2
    assert all("gap early" in history for history in expired)


def test_what_the_mapping_gave_up_is_fed_in_once_the_database_is_back():
    histories = play(
        *(order(name, *["note"] * 6, pause_ms=1_000) for name in "ABC"),
        faults=(fault("outage", 2_000, 60_000),),
        mapping={"batch_size": 1, "maximum_retry_attempts": 1},
    )
    assert all("given up" in history and "feed in" in history for history in histories)
