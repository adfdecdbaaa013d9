"""The main job as a user runs it: everything real, and killed in the middle."""

import gzip
import os
import re
import signal
import time
from pathlib import Path

import psycopg
import pytest

from consumer.orders import Orders
from contract import encode_event, parse_event
from local.demo.workload import generate
from local.kinesis.resharding import is_installed, kinesalite
from tests.integration.demo.demo_process import Demo, children_of, demo, left_of


def test_the_generated_workload_ends_with_a_clean_audit(tmp_path: Path) -> None:
    with demo(tmp_path, COUNT="4000", RATE="0", SHARDS="2", PRODUCERS="3") as running:
        assert running.finish() == 0, running.output
    report = running.report
    assert report["ok"] is True
    assert report["sent"] >= 4_000
    assert report["applied"] + report["parked"] == report["sent"]
    assert report["parked"] > 0
    assert sum(report["parked_reasons"].values()) == report["parked"]
    assert report["duplicates"] >= report["resent"] > 0
    assert (report["order_violations"], report["lost"], report["not_sent"]) == (0, 0, 0)
    assert report["projection_differences"] == 0
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]
    assert report["events_per_second"] > 0
    assert "promises kept" in running.output


def test_olist_events_become_what_a_plain_replay_of_the_file_gives(
    tmp_path: Path, olist: Path, database_url: str, sql: psycopg.Connection
) -> None:
    variables = {"EVENTS": str(olist), "DATABASE_URL": database_url, "RATE": "0"}
    with demo(tmp_path, **variables) as running:
        assert running.finish() == 0, running.output
    assert running.report["sent"] == running.report["applied"] == 41_652
    assert running.report["orders"] == 9_999
    projection, replayed = Orders(), {}
    for line in gzip.decompress(olist.read_bytes()).splitlines():
        event = parse_event(line)
        replayed[event.order_id] = projection.apply(replayed.get(event.order_id), event)
    with sql.cursor() as cursor:
        assert projection.load(cursor, sorted(replayed)) == replayed
    assert sql.execute("select count(*) from orders").fetchone() == (9_999,)


def test_killed_environments_and_a_killed_database_change_nothing(tmp_path: Path) -> None:
    """Kill -9, twice each, while events flow."""
    with demo(tmp_path, COUNT="8000", RATE="1000") as running:
        for times in (1, 2):
            for consumer in _consumers(running):
                os.kill(consumer, signal.SIGKILL)
            postgres = re.findall(r"PostgreSQL .*process (\d+)", running.output)[-1]
            os.kill(int(postgres), signal.SIGKILL)
            running.wait_for(rf"(?s)(?:died and was started again.*?process \d+.*?){{{times}}}")
        assert running.finish() == 0, running.output
    assert running.report["ok"] is True
    assert running.report["sent"] >= 8_000


def test_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    with demo(tmp_path, COUNT="50000", RATE="500") as running:
        running.wait_for("consumer environments")
        started = children_of(running.process.pid)
        assert len(started) > 3
        running.process.send_signal(signal.SIGINT)
        assert running.finish(90) == 130
    assert "interrupted" in running.output
    assert left_of(started, seconds=5) == set()


def test_a_killed_demo_leaves_nothing_running(tmp_path: Path) -> None:
    with demo(tmp_path, COUNT="50000", RATE="500") as running:
        running.wait_for("consumer environments")
        started = children_of(running.process.pid)
        running.process.kill()
        running.process.wait(10)
    assert left_of(started, seconds=20) == set()


def test_another_kinesis_endpoint_is_used_and_left_as_it_was(tmp_path: Path) -> None:
    if not is_installed():
        pytest.skip("kinesalite is not installed (make setup)")
    with kinesalite() as endpoint:
        with demo(tmp_path, COUNT="1500", SHARDS="3", ENDPOINT_URL=endpoint.url) as running:
            assert running.finish() == 0, running.output
        assert endpoint.client().list_streams()["StreamNames"] == []
    assert running.report["ok"] is True
    assert running.report["setup"]["shards"] == 3
    assert f"3 shards at {endpoint.url}" in running.output


def test_a_bad_line_stops_the_demo_before_anything_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    good = encode_event(next(generate(seed=1, count=10)).event).decode()
    file.write_text(f"{good}\n{good.replace('order_id', 'orderid')}\n")
    with demo(tmp_path, EVENTS=str(file)) as running:
        assert running.finish() == 2
    assert f"{file}:2: orderid: object contains unknown field" in running.output
    assert "nothing was sent" in running.output


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SHARDS": "none"}, "SHARDS=none: expected a whole number from 1 to 64"),
        ({"PROJECTION": "nowhere:Nothing"}, "no projection 'nowhere:Nothing'"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "DATABASE_URL: "),
    ],
)
def test_bad_input_is_named(tmp_path: Path, variables: dict[str, str], message: str) -> None:
    with demo(tmp_path, **variables) as running:
        assert running.finish() == 2
    assert message in running.output


def _consumers(running: Demo) -> set[int]:
    """The processes of the consumer's environments, waited for."""
    until = time.monotonic() + 30
    while not (found := {p for p in children_of(running.process.pid) if _is_consumer(p)}):
        assert time.monotonic() < until, running.output
        time.sleep(0.05)
    return found


def _is_consumer(pid: int) -> bool:
    try:
        return b"local.environments.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
