"""The controller as built makes one turn in AWS's own runtime client, on an endpoint that keeps
only a stream, a mapping and two parameters.
"""

import json

import pytest

from tests.operating import mapped, s3

STATE, HAND = "/inorder/shop/concurrency/state", "/inorder/shop/concurrency/hand"


@pytest.fixture
def connect(tmp_path):
    with s3.running(tmp_path) as url:
        yield mapped.connecting(url), url


@pytest.fixture
def controller(start, connect):
    """Invokes it, on a mapping of two shards whose factor is the service's default."""
    to, url = connect
    for name in (STATE, HAND):
        to("ssm").put_parameter(Name=name, Value="{}", Type="String")
    return start(
        "controller",
        AWS_ENDPOINT_URL=url,
        **s3.CREDENTIALS,
        MAPPING_ID=mapped.make_mapping(to),
        STREAM_NAME=mapped.STREAM,
        CONSUMER_FUNCTION=mapped.FUNCTION,
        STACK_NAME="shop",
        STATE_PARAMETER=STATE,
        HAND_PARAMETER=HAND,
        TURN_SECOND="0",
        CONCURRENCY_CONTROL="on",
    )


def test_a_turn_looks_decides_and_remembers(controller, connect):
    to, _ = connect
    answer = controller("schedule.json")
    assert (answer["shards"], answer["breaker"]) == (2, "closed"), answer
    assert answer["reasons"]
    assert json.loads(to("ssm").get_parameter(Name=STATE)["Parameter"]["Value"])


def test_an_order_of_the_operator_is_carried_out(controller, connect):
    to, _ = connect
    to("ssm").put_parameter(Name=HAND, Value='{"pinned": 4}', Type="String", Overwrite=True)
    answer = controller("schedule.json")
    (mapping,) = to("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["ParallelizationFactor"] == answer["factor"] == 4
