"""The transformed template as a whole: its parts, its parameters, what its rules refuse."""

import re
from graphlib import TopologicalSorter

import pytest

from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import NEEDED, TEXT, references

PROD = {**NEEDED, "Environment": "prod", "ConsumerConcurrency": "8"}


class TestStructure:
    def test_every_resource_is_one_we_mean(self, resources):
        assert {name: made["Type"] for name, made in resources.items()} == {
            "Api": "AWS::ApiGatewayV2::Api",
            "ApiApiGatewayDefaultStage": "AWS::ApiGatewayV2::Stage",
            "ApiMayInvokeProducer": "AWS::Lambda::Permission",
            "ApiLogs": "AWS::Logs::LogGroup",
            "ProducerFunction": "AWS::Lambda::Function",
            "ProducerRole": "AWS::IAM::Role",
            "ProducerLogs": "AWS::Logs::LogGroup",
            "EventStream": "AWS::Kinesis::Stream",
            "ConsumerFunction": "AWS::Lambda::Function",
            "ConsumerFunctionStream": "AWS::Lambda::EventSourceMapping",
            "ConsumerRole": "AWS::IAM::Role",
            "ConsumerLogs": "AWS::Logs::LogGroup",
            "OnFailureBucket": "AWS::S3::Bucket",
            "OnFailureBucketPolicy": "AWS::S3::BucketPolicy",
            "RedriveFunction": "AWS::Lambda::Function",
            "RedriveFunctionEventInvokeConfig": "AWS::Lambda::EventInvokeConfig",
            "RedriveFunctionNewObject": "AWS::Events::Rule",
            "RedriveFunctionNewObjectPermission": "AWS::Lambda::Permission",
            "RedriveFunctionRegularly": "AWS::Events::Rule",
            "RedriveFunctionRegularlyPermission": "AWS::Lambda::Permission",
            "RedriveRole": "AWS::IAM::Role",
            "RedriveLogs": "AWS::Logs::LogGroup",
            "AuditorFunction": "AWS::Lambda::Function",
            "AuditorFunctionEventInvokeConfig": "AWS::Lambda::EventInvokeConfig",
            "AuditorFunctionRegularly": "AWS::Events::Rule",
            "AuditorFunctionRegularlyPermission": "AWS::Lambda::Permission",
            "AuditorRole": "AWS::IAM::Role",
            "AuditorLogs": "AWS::Logs::LogGroup",
            "NetworkAccess": "AWS::IAM::ManagedPolicy",
        }

    def test_no_resource_waits_for_itself(self, resources):
        """CloudFormation refuses a circle, and the way round bucket, rule and redrive is short."""
        needs = {name: references(made) & set(resources) for name, made in resources.items()}
        for made in resources.values():
            assert "DependsOn" not in made, "not followed here"
        order = TopologicalSorter(needs)
        order.prepare()  # raises CycleError

    def test_without_the_api_nothing_of_it_is_left(self, resources):
        of_the_api = {name for name, made in resources.items() if made.get("Condition") == "HasApi"}
        assert {name for name in resources if name.startswith("Api")} == of_the_api
        for name, made in resources.items():
            if name not in of_the_api:
                assert not references(made) & of_the_api, f"{name} needs the API"

    def test_every_parameter_is_described_and_used(self, template):
        used = references({key: template[key] for key in ("Resources", "Rules", "Conditions")})
        grouped = {
            name
            for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
            for name in group["Parameters"]
        }
        for name, declared in template["Parameters"].items():
            assert declared["Description"], name
            assert name in used, name
            assert name in grouped, name
            bounds = {"AllowedValues", "AllowedPattern", "MinValue"} & set(declared)
            assert bounds or declared["Type"] == "CommaDelimitedList", f"{name} takes anything"

    def test_no_secret_is_resolved_into_the_template(self):
        assert "{{resolve:" not in TEXT

    def test_yaml_aliases_are_not_used(self):
        """CloudFormation reads no YAML aliases (User Guide, template formats)."""
        assert not re.search(r"(?m)(?:^|[:\-] +)[&*][A-Za-z]", TEXT)


class TestRules:
    @pytest.mark.parametrize(
        "given",
        [
            NEEDED,
            PROD,
            {**PROD, "StreamRetentionHours": "8760"},
            {**NEEDED, "StreamMode": "ON_DEMAND", "ConsumerConcurrency": "20"},
            {**NEEDED, "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"},
            {**NEEDED, "DatabaseTls": "disable"},
        ],
    )
    def test_sound_mixtures_are_let_through(self, template, given):
        assert RuleResolver(template, given).refusals() == []

    @pytest.mark.parametrize(
        ("given", "word"),
        [
            ({**NEEDED, "SubnetIds": "subnet-1,subnet-2"}, "SecurityGroupIds"),
            ({**NEEDED, "SecurityGroupIds": "sg-1"}, "SubnetIds"),
            ({**NEEDED, "StreamMode": "ON_DEMAND"}, "ConsumerConcurrency"),
            ({**PROD, "ConsumerConcurrency": "0"}, "ConsumerConcurrency"),
            ({**PROD, "DatabaseTls": "require"}, "DatabaseTls"),
            ({**PROD, "DatabaseTls": "disable"}, "DatabaseTls"),
            ({**PROD, "StreamRetentionHours": "24"}, "StreamRetentionHours"),
            ({**PROD, "StreamRetentionHours": "144"}, "StreamRetentionHours"),
        ],
    )
    def test_dangerous_mixtures_are_refused(self, template, given, word):
        (refusal,) = RuleResolver(template, given).refusals()
        assert word in refusal


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "given", "holds"),
        [
            ("HasApi", {}, True),
            ("HasApi", {"WithApi": "false"}, False),
            ("IsOnDemand", {}, False),
            ("IsOnDemand", {"StreamMode": "ON_DEMAND"}, True),
            ("IsCapped", {}, False),
            ("IsCapped", {"ConsumerConcurrency": "1"}, True),
            ("IsInVpc", {}, False),
            ("IsInVpc", {"SubnetIds": "subnet-1,subnet-2"}, True),
        ],
    )
    def test_what_turns_a_part_on(self, template, condition, given, holds):
        assert RuleResolver(template, given).value({"Condition": condition}) is holds
