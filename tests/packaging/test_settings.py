"""What a deploy refuses for its arithmetic: from the template's parameters to the words."""

import pytest

from migrations.settings import Refused, check
from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import EXTERNAL, properties, references


@pytest.fixture
def told(template):
    """`told(ShardCount="8")`: what CloudFormation hands to the check, every value a string."""

    def properties_for(**given):
        resolver = RuleResolver(template, given)
        assert resolver.refusals() == [], "the rules have refused it before"
        return resolver.settings()

    return properties_for


@pytest.mark.parametrize(
    "given",
    [
        {},
        EXTERNAL,
        {"LatencyProfile": "realtime"},
        {"LatencyProfile": "batch"},
        {"ShardCount": "100", "ParallelizationFactor": "10", "AuroraMaxCapacity": "8"},
        {"StreamMode": "ON_DEMAND", "ConsumerConcurrency": "100"},
        {"ConsumerMemory": "256"},
        {"LedgerRetentionDays": "0", "StreamRetentionHours": "8760"},
        {"LedgerRetentionDays": "8"},
        {"AuroraMinCapacity": "0.5", "AuroraMaxCapacity": "1.5"},
        {**EXTERNAL, "ProxyIdleConnectionsPercent": "90"},
    ],
)
def test_sound_mixtures_are_let_through(told, given):
    assert set(check(told(**given))) == {"Digest"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"ShardCount": "100", "ParallelizationFactor": "10", "AuroraMaxCapacity": "4"},
            ["100 shards x factor 10 = 1000", "admits 576", "lower ParallelizationFactor"],
        ),
        (
            {"ShardCount": "13", "ConcurrencyControl": "on", "AuroraMaxCapacity": "1"},
            ["13 shards x factor 10 = 130", "admits 132"],
        ),
        (
            {
                "ShardCount": "600",
                "ProxyConnectionsPercent": "10",
                "ConcurrencyControl": "off",
            },
            ["1203 connections"],
        ),
        (
            {**EXTERNAL, "DatabaseConnections": "10", "ConcurrencyControl": "off"},
            ["11 connections", "admits 10"],
        ),
        (
            {
                **EXTERNAL,
                "ShardCount": "50",
                "LatencyProfile": "realtime",
                "ConcurrencyControl": "off",
            },
            ["= 200", "admits 100"],
        ),
        ({"LowestFactor": "3", "HighestFactor": "2"}, ["LowestFactor 3", "HighestFactor 2"]),
        (
            {**EXTERNAL, "StreamMode": "ON_DEMAND", "ConsumerConcurrency": "98"},
            ["ConsumerConcurrency 98", "101 connections"],
        ),
        ({"ConsumerConcurrency": "7"}, ["ConsumerConcurrency is 7", "= 8"]),
        ({"RecordBytes": "10000", "BatchSize": "1000"}, ["6 MB", "at most 427"]),
        ({"LatencyProfile": "batch", "RecordBytes": "700"}, ["BatchSize 4000", "6 MB"]),
        ({"ConsumerMemory": "128"}, ["ConsumerMemory is 128"]),
        ({"LedgerRetentionDays": "7"}, ["LedgerRetentionDays 7", "168 hours"]),
        ({"StreamRetentionHours": "720"}, ["LedgerRetentionDays 30", "720 hours"]),
        ({"AuroraMinCapacity": "16"}, ["AuroraMinCapacity 16", "AuroraMaxCapacity 8"]),
        ({"AuroraMinCapacity": "1.25"}, ["half steps", "1.25"]),
        (
            {"ProxyIdleConnectionsPercent": "71", "ProxyConnectionsPercent": "70"},
            ["ProxyIdleConnectionsPercent 71"],
        ),
        (
            {"ProxyBorrowTimeoutSeconds": "60"},
            ["ProxyBorrowTimeoutSeconds 60", "ConsumerTimeoutSeconds 60"],
        ),
    ],
)
def test_dangerous_mixtures_are_refused(told, given, words):
    with pytest.raises(Refused) as refused:
        check(told(**given))
    for word in words:
        assert word in str(refused.value)


def test_everything_that_is_wrong_is_said_at_once(told):
    given = {"ConsumerMemory": "128", "ConsumerConcurrency": "7", "AuroraMinCapacity": "16"}
    with pytest.raises(Refused) as refused:
        check(told(**given))
    for name in given:
        assert f"{name} " in str(refused.value)


class TestDigest:
    """SAM makes a version of the template's text, in which a parameter's value is not."""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("ConsumerMemory", "2048"),
            ("ConsumerTimeoutSeconds", "120"),
            ("Projection", "consumer.shipments:Shipments"),
            ("ProducerMemory", "1024"),
            ("MaxBodyBytes", "100000"),
            ("LatencyProfile", "realtime"),
        ],
    )
    def test_another_value_is_another_digest(self, told, name, value):
        assert check(told())["Digest"] != check(told(**{name: value}))["Digest"]

    def test_the_same_values_are_the_same_digest(self, told):
        properties_now = told()
        reordered = dict(reversed(properties_now.items()))
        assert check(properties_now) == check(reordered)

    def test_another_time_limit_of_the_check_is_no_other_setting(self, told):
        assert check(told() | {"ServiceTimeout": "61"}) == check(told())

    @pytest.mark.parametrize("name", ["Producer", "Consumer"])
    def test_every_parameter_of_a_published_function_is_in_it(self, template, resources, name):
        function = dict(properties(resources, f"{name}Function"))
        for not_of_a_version in ("ReservedConcurrentExecutions", "Tags", "LoggingConfig"):
            function.pop(not_of_a_version, None)
        wanted = parameters_of(template, function)
        assert {"Architecture"} < wanted
        assert wanted <= parameters_of(template, properties(resources, "Settings"))

    @pytest.mark.parametrize("name", ["Producer", "Consumer"])
    def test_function_and_version_carry_it(self, resources, name):
        """A version is made anew with its description; Lambda publishes only what has changed."""
        (version,) = (
            made["Properties"]
            for made in resources.values()
            if made["Type"] == "AWS::Lambda::Version"
            and made["Properties"]["FunctionName"] == {"Ref": f"{name}Function"}
        )
        digest = {"Fn::GetAtt": ["Settings", "Digest"]}
        assert version["Description"] == digest
        description = properties(resources, f"{name}Function")["Description"]["Fn::Sub"]
        assert "${Settings.Digest}" in description
        assert len(description) <= 256, "what Lambda takes"


def parameters_of(template, raw):
    """The parameters that a value depends on, through conditions too."""
    names, conditions = set(), set(conditions_in(raw))
    names |= references(raw)
    while conditions:
        condition = template["Conditions"][conditions.pop()]
        names |= references(condition)
        conditions |= set(conditions_in(condition))
    return names & set(template["Parameters"])


def conditions_in(raw):
    if isinstance(raw, list):
        for item in raw:
            yield from conditions_in(item)
    elif isinstance(raw, dict):
        if "Fn::If" in raw:
            yield raw["Fn::If"][0]
        if set(raw) == {"Condition"}:
            yield raw["Condition"]
        for item in raw.values():
            yield from conditions_in(item)
