"""The controller in the template: what starts it, what it is told, and that it can be left out."""

import pytest

from controller import settings
from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import EXTERNAL, get_att, properties

NAMES = {
    "ConsumerFunctionStream": "0f0f0f0f-0000-0000-0000-000000000000",
    "ConcurrencyState": "/inorder/shop/concurrency/state",
    "ConcurrencyHand": "/inorder/shop/concurrency/hand",
    "Proxy.Outputs.ProxyName": "shop-proxy",
    "AWS::StackName": "shop",
}


def variables(template, resources, **given):
    raw = properties(resources, "ControllerFunction")["Environment"]
    resolver = RuleResolver(template, given, NAMES)
    return {name: str(value) for name, value in resolver.value(raw)["Variables"].items()}


def test_it_understands_what_the_template_tells_it(template, resources):
    given = {
        "ConcurrencyControl": "on",
        "ConsumerConcurrency": "12",
        "LatencyProfile": "background",
    }
    told = variables(template, resources, **given)
    read = settings.read(told)
    assert read.mapping == NAMES["ConsumerFunctionStream"]
    assert (read.state, read.hand) == (NAMES["ConcurrencyState"], NAMES["ConcurrencyHand"])
    assert read.bounds.acts
    assert read.bounds.highest(shards=4) == 3, "the consumer's reserved concurrency bounds it"
    mapping = RuleResolver(template, given, NAMES).value(
        properties(resources, "ConsumerFunctionStream")
    )
    assert read.bounds.batch_size == mapping["BatchSize"]
    assert read.bounds.window == mapping["MaximumBatchingWindowInSeconds"]
    assert read.bounds.backlog_ms == 1_000 * (10 + 2 * read.bounds.window)


def test_an_external_database_has_no_proxy_and_no_cluster(template, resources):
    read = settings.read(variables(template, resources, **EXTERNAL))
    assert (read.proxy, read.cluster) == (None, None)
    assert not read.bounds.acts, "dry-run unless somebody says so"


def test_once_a_minute_and_one_at_a_time(template, resources):
    rule = properties(resources, "ControllerFunctionRegularly")
    assert rule["ScheduleExpression"] == "cron(* * * * ? *)"
    assert "State" not in rule, "enabled"
    raw = properties(resources, "ControllerFunction")
    capped = RuleResolver(template, {"ConsumerConcurrency": "8"}, NAMES).value(
        raw["ReservedConcurrentExecutions"]
    )
    assert capped == 1
    assert properties(resources, "ControllerFunctionRegularlyPermission") == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": "ControllerFunction"},
        "Principal": "events.amazonaws.com",
        "SourceArn": get_att("ControllerFunctionRegularly"),
    }


def test_it_is_outside_the_vpc(resources):
    """It talks to AWS's public APIs only, and must do so when the database is down."""
    assert "VpcConfig" not in properties(resources, "ControllerFunction")


@pytest.mark.parametrize(("value", "there"), [("on", True), ("dry-run", True), ("off", False)])
def test_it_can_be_left_out(template, resources, value, there):
    resolver = RuleResolver(template, {"ConcurrencyControl": value}, NAMES)
    assert resolver.value({"Fn::If": ["HasController", True, False]}) is there
    ours = [
        name
        for name in resources
        if name.startswith(("Controller", "ConcurrencyState", "ConcurrencyHand"))
    ]
    assert len(ours) == 8
    for name in ours:
        assert resources[name]["Condition"] == "HasController", name


def test_the_state_is_not_the_templates_to_change(resources):
    """The same initial value for ever, so that no deploy ever writes it again."""
    for name in ("ConcurrencyState", "ConcurrencyHand"):
        assert properties(resources, name)["Value"] == "{}"
