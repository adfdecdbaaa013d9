"""The handler against moto's APIs: it reads, decides, remembers and changes the one mapping."""

import json
import time
from datetime import UTC, datetime

import msgspec
import pytest

from contract.metrics import NAMESPACE, Metric
from controller import handler, parameters
from controller.breaker import Phase
from controller.hand import Hand
from controller.parameters import NotAlone
from controller.state import State, read
from ops.cli import UNUSABLE, run
from tests.integration.control.conftest import HAND, STACK, STATE
from tests.operating.mapped import FUNCTION, STREAM

DIMENSIONS = [{"Name": "service", "Value": "consumer"}, {"Name": "stack", "Value": STACK}]


@pytest.fixture
def invoke(cloud, monkeypatch, capsys, caplog):
    """`invoke(mode)` runs one turn at once: its answer, its metrics, its log records."""

    def run_one(mode="on", **variables):
        given = {
            "CONCURRENCY_CONTROL": mode,
            "MAPPING_ID": cloud.mapping,
            "STREAM_NAME": STREAM,
            "CONSUMER_FUNCTION": FUNCTION,
            "STACK_NAME": STACK,
            "STATE_PARAMETER": STATE,
            "HAND_PARAMETER": HAND,
            "TURN_SECOND": "0",
            **variables,
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        handler.parts.cache_clear()
        capsys.readouterr()
        caplog.clear()
        answer = handler.handler({}, None)
        lines = [json.loads(x) for x in capsys.readouterr().out.splitlines() if x.startswith("{")]
        emitted = {k: v for line in lines if "_aws" in line for k, v in line.items()}
        return answer, emitted, [vars(record) for record in caplog.records]

    yield run_one
    handler.parts.cache_clear()


def state_of(cloud) -> State:
    return read(cloud.client("ssm").get_parameter(Name=STATE)["Parameter"]["Value"])


def say(cloud, minutes_ago: int, **values: float) -> None:
    """Let the consumer have said these sums in one minute."""
    now = time.time()
    at = datetime.fromtimestamp(now - now % 60 - 60 * minutes_ago, UTC)
    cloudwatch = cloud.client("cloudwatch")
    data = [
        {"MetricName": name, "Dimensions": DIMENSIONS, "Timestamp": at, "Value": value}
        for name, value in values.items()
    ]
    cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)


def test_an_idle_stream_is_left_alone_and_remembered(cloud, invoke):
    answer, emitted, logged = invoke()
    assert answer["change"] == {}
    assert answer["reasons"]
    assert emitted[Metric.CONTROL_BLIND] == [0.0]
    assert emitted[Metric.CONCURRENCY_FACTOR] == [2.0]
    assert emitted[Metric.CONCURRENCY_TARGET] == [4.0], "two shards"
    assert any(line["msg"] == "decided" and line["reasons"] for line in logged)
    assert cloud.real()["ParallelizationFactor"] == 2
    assert state_of(cloud).at > 0


def test_a_database_that_is_down_stops_the_mapping(cloud, invoke):
    say(cloud, 1, TransientFailures=30.0, DatabaseMilliseconds=1.0, EventsFinished=0.0)
    answer, emitted, _ = invoke("dry-run")
    trial = {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}
    assert answer["change"] == {"Enabled": False, **trial}, "by which its own stop is known again"
    assert cloud.real()["State"] == "Enabled", "a dry run changes nothing"
    cloud.client("ssm").put_parameter(Name=STATE, Value="{}", Type="String", Overwrite=True)
    answer, emitted, _ = invoke()
    assert emitted[Metric.BREAKER_STATE] == [2.0]
    assert cloud.real()["State"] == "Disabled"
    assert state_of(cloud).breaker.phase is Phase.OPEN


def test_the_operators_hand_is_obeyed_at_the_next_turn(cloud, invoke, monkeypatch, capsys):
    monkeypatch.setenv("INORDER_STACK", STACK)
    monkeypatch.setenv("INORDER_OPERATOR", "ann")
    monkeypatch.setenv("INORDER_MAPPING", cloud.mapping)
    assert run(["concurrency", "pin", "5", "--because", "a big import"]) == 0
    invoke()
    assert cloud.real()["ParallelizationFactor"] == 5
    assert run(["concurrency", "pause", "--because", "maintenance"]) == 0
    invoke()
    assert cloud.real()["State"] == "Disabled"
    capsys.readouterr()
    assert run(["concurrency", "show"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "pinned to 5, paused (by ann" in shown
    assert "maintenance" in shown
    assert run(["concurrency", "resume", "--because", "done"]) == 0
    invoke()
    assert cloud.real()["State"] == "Enabled"
    assert cloud.real()["ParallelizationFactor"] == 5
    assert run(["concurrency", "release", "--because", "imported"]) == 0
    invoke()
    assert parameters.read_hand(cloud.client("ssm"), HAND).is_idle
    capsys.readouterr()
    assert run(["concurrency", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["mapping"]["factor"] == 5
    assert shown["operator"].startswith("nothing ordered (by ann")


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["pin", "11", "--because", "more"], "1 to 10"),
        (["pin", "0", "--because", "less"], "1 to 10"),
    ],
)
def test_what_cannot_be_ordered_is_refused(cloud, monkeypatch, capsys, tokens, says):
    monkeypatch.setenv("INORDER_STACK", STACK)
    assert run(["concurrency", *tokens]) == UNUSABLE
    assert says in capsys.readouterr().err
    assert parameters.read_hand(cloud.client("ssm"), HAND) == Hand()


def test_without_a_stack_it_asks_which(cloud, monkeypatch, capsys):
    monkeypatch.delenv("INORDER_STACK", raising=False)
    assert run(["concurrency", "show"]) == UNUSABLE
    assert "--stack" in capsys.readouterr().err


def test_an_order_that_cannot_be_read_changes_nothing_and_is_loud(cloud, invoke):
    cloud.client("ssm").put_parameter(
        Name=HAND, Value='{"paused": 7}', Type="String", Overwrite=True
    )
    answer, _, logged = invoke()
    assert answer["change"] == {}
    assert any(line["levelname"] == "ERROR" and "cannot be read" in line["msg"] for line in logged)


def test_a_state_that_cannot_be_read_is_begun_anew(cloud, invoke):
    cloud.client("ssm").put_parameter(Name=STATE, Value="[]", Type="String", Overwrite=True)
    _, emitted, logged = invoke()
    assert emitted[Metric.CONTROL_BLIND] == [0.0]
    assert any("begun anew" in line.get("problem", "") for line in logged)
    assert state_of(cloud).at > 0


def test_two_at_once_only_one_acts(cloud):
    """The second finds that its version is not the next one."""
    ssm = cloud.client("ssm")
    first, second = (parameters.read_state(ssm, STATE) for _ in range(2))
    parameters.write_state(ssm, STATE, first.state, after=first.version)
    with pytest.raises(NotAlone):
        parameters.write_state(ssm, STATE, second.state, after=second.version)


def test_a_second_invocation_is_harmless(cloud, invoke, monkeypatch):
    """Somebody writes between its read and its write: it changes nothing, and says so."""
    say(cloud, 1, TransientFailures=30.0, DatabaseMilliseconds=1.0)
    read_state = parameters.read_state

    def overtaken(client, name):
        found = read_state(client, name)
        parameters.write_state(client, name, found.state, after=found.version)
        return found

    monkeypatch.setattr(parameters, "read_state", overtaken)
    _, emitted, _ = invoke()
    assert emitted[Metric.CONTROL_REFUSED] == [1.0]
    assert cloud.real()["State"] == "Enabled"


def test_a_mapping_that_is_gone_is_no_reason_to_fail(cloud, invoke):
    answer, emitted, logged = invoke(MAPPING_ID="00000000-0000-0000-0000-000000000000")
    assert answer == {}
    assert emitted[Metric.CONTROL_BLIND] == [1.0]
    assert any("00000000" in line.get("problem", "") for line in logged)


def test_the_state_fits_its_parameter(cloud):
    """4,096 characters in a standard parameter, with ten levels and long reasons."""
    from controller.levels import Level, Levels  # noqa: PLC0415

    levels = tuple(
        Level(
            concurrency=1000 * n,
            throughput=1e5 / 3,
            service_ms=1e3 / 7,
            busy=1e3 / 9,
            minutes=12345,
            at=1.8e9 + 0.5,
            usual_ms=1e3 / 7,
        )
        for n in range(1, 11)
    )
    full = msgspec.structs.replace(State(), levels=Levels(levels), reasons=("x" * 400,) * 8)
    ssm = cloud.client("ssm")
    found = parameters.read_state(ssm, STATE)
    parameters.write_state(ssm, STATE, full, after=found.version)
    assert len(ssm.get_parameter(Name=STATE)["Parameter"]["Value"]) < 4_096
