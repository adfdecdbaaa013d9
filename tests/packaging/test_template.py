"""The transformed template as a whole: its parts, its parameters, the order they are made in."""

import re
from graphlib import TopologicalSorter

import pytest

from tests.packaging.rules import RuleResolver
from tests.packaging.transformed import EXTERNAL, TEXT, properties, references

HASHED = re.compile(r"Version[0-9a-f]{10}$")
"""The end of a version's name, which SAM makes of what the function is."""


def named(resources):
    return {HASHED.sub("Version", name): made for name, made in resources.items()}


def needs(resources):
    """What each resource waits for."""
    waits = {}
    for name, made in resources.items():
        explicit = made.get("DependsOn", [])
        explicit = {explicit} if isinstance(explicit, str) else set(explicit)
        waits[name] = (references(made) & set(resources)) | explicit
    return waits


def is_after(resources, later, earlier):
    """Whether CloudFormation makes `earlier` before it begins with `later`."""
    waits, seen, left = needs(resources), set(), [later]
    while left:
        for name in waits[left.pop()] - seen:
            seen.add(name)
            left.append(name)
    return earlier in seen


class TestStructure:
    def test_every_resource_is_one_we_mean(self, resources):
        assert {name: made["Type"] for name, made in named(resources).items()} == {
            "Api": "AWS::ApiGatewayV2::Api",
            "ApiApiGatewayDefaultStage": "AWS::ApiGatewayV2::Stage",
            "ApiMayInvokeProducer": "AWS::Lambda::Permission",
            "ApiLogs": "AWS::Logs::LogGroup",
            "ProducerFunction": "AWS::Lambda::Function",
            "ProducerFunctionVersion": "AWS::Lambda::Version",
            "ProducerFunctionAliaslive": "AWS::Lambda::Alias",
            "ProducerFunctionDeploymentGroup": "AWS::CodeDeploy::DeploymentGroup",
            "ProducerFailing": "AWS::CloudWatch::Alarm",
            "ProducerRole": "AWS::IAM::Role",
            "ProducerLogs": "AWS::Logs::LogGroup",
            "EventStream": "AWS::Kinesis::Stream",
            "ConsumerFunction": "AWS::Lambda::Function",
            "ConsumerFunctionVersion": "AWS::Lambda::Version",
            "ConsumerFunctionAliaslive": "AWS::Lambda::Alias",
            "ConsumerFunctionDeploymentGroup": "AWS::CodeDeploy::DeploymentGroup",
            "ConsumerFunctionStream": "AWS::Lambda::EventSourceMapping",
            "ConsumerFailing": "AWS::CloudWatch::Alarm",
            "ConsumerStopped": "AWS::CloudWatch::Alarm",
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
            "ControllerFunction": "AWS::Lambda::Function",
            "ControllerFunctionEventInvokeConfig": "AWS::Lambda::EventInvokeConfig",
            "ControllerFunctionRegularly": "AWS::Events::Rule",
            "ControllerFunctionRegularlyPermission": "AWS::Lambda::Permission",
            "ControllerRole": "AWS::IAM::Role",
            "ControllerLogs": "AWS::Logs::LogGroup",
            "ConcurrencyState": "AWS::SSM::Parameter",
            "ConcurrencyHand": "AWS::SSM::Parameter",
            "Database": "AWS::CloudFormation::Stack",
            "Migrations": "Custom::Migrations",
            "MigratorFunction": "AWS::Lambda::Function",
            "MigratorRole": "AWS::IAM::Role",
            "MigratorLogs": "AWS::Logs::LogGroup",
            "Proxy": "AWS::CloudFormation::Stack",
            "Network": "AWS::CloudFormation::Stack",
            "Observability": "AWS::CloudFormation::Stack",
            "NetworkAccess": "AWS::IAM::ManagedPolicy",
            "Key": "AWS::KMS::Key",
            "Settings": "Custom::Settings",
            "SettingsFunction": "AWS::Lambda::Function",
            "SettingsRole": "AWS::IAM::Role",
            "SettingsLogs": "AWS::Logs::LogGroup",
            "ServerlessDeploymentApplication": "AWS::CodeDeploy::Application",
            "CodeDeployServiceRole": "AWS::IAM::Role",
        }

    def test_no_resource_waits_for_itself(self, resources):
        """CloudFormation refuses a circle, and the way round bucket, rule and redrive is short."""
        order = TopologicalSorter(needs(resources))
        order.prepare()  # raises CycleError

    def test_every_parameter_is_described_and_used(self, template):
        used = references({key: template[key] for key in ("Resources", "Rules", "Conditions")})
        used |= {"ProducerShift", "ConsumerShift", "GradualDeploys"}  # SAM has put in their values
        grouped = {
            name
            for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
            for name in group["Parameters"]
        }
        assert grouped == set(template["Parameters"])
        for name, declared in template["Parameters"].items():
            assert declared["Description"], name
            assert name in used, name
            assert "Default" in declared, f"{name}: one sam deploy needs no answer"
            bounds = {"AllowedValues", "AllowedPattern", "MinValue"} & set(declared)
            assert bounds or declared["Type"] == "CommaDelimitedList", f"{name} takes anything"
            if "AllowedPattern" in declared:
                assert re.search(declared["AllowedPattern"], declared["Default"]), name

    def test_nothing_shares_its_name_with_a_parameter(self, template):
        """`sam build` puts the parameter's value in the place of the name, and fails."""
        named = set(template["Resources"]) | set(template["Outputs"])
        assert not named & set(template["Parameters"])

    def test_no_secret_is_resolved_into_the_template(self):
        assert "{{resolve:" not in TEXT

    def test_yaml_aliases_are_not_used(self):
        """CloudFormation reads no YAML aliases (User Guide, template formats)."""
        assert not re.search(r"(?m)(?:^|[:\-] +)[&*][A-Za-z]", TEXT)


class TestConditionalParts:
    """A resource that needs one whose condition is false is not made either, or fails."""

    WORLDS = (
        {},
        EXTERNAL,
        {**EXTERNAL, "DatabaseAdminSecretArn": "arn:aws:secretsmanager:eu-west-1:1:secret:a"},
        {**EXTERNAL, "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"},
        {"WithApi": "false"},
        {"WithAlarms": "false"},
        {"KmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/a"},
        {**EXTERNAL, "WithApi": "false", "GradualDeploys": "false"},
        {"ApiAuthorization": "jwt", "JwtScopes": "orders"},
        {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2", "AuroraReader": "true"},
    )

    @pytest.mark.parametrize("given", WORLDS)
    def test_what_is_made_needs_only_what_is_made(self, template, resources, given):
        resolver = RuleResolver(template, given)

        def is_made(thing):
            return "Condition" not in thing or resolver.value({"Condition": thing["Condition"]})

        made = {name for name, resource in resources.items() if is_made(resource)}
        for name in made:
            explicit = resources[name].get("DependsOn", [])
            waits = {explicit} if isinstance(explicit, str) else set(explicit)
            waits |= mentioned(resolver, resources[name].get("Properties", {})) & set(resources)
            assert waits <= made, f"{name} needs {waits - made}"
        for name, output in template["Outputs"].items():
            if is_made(output):
                needed = mentioned(resolver, output["Value"]) & set(resources)
                assert needed <= made, f"output {name} needs {needed - made}"

    def test_what_depends_by_name_has_the_same_condition(self, resources):
        """`DependsOn` knows no Fn::If: there a missing resource takes the other along."""
        for name, made in resources.items():
            explicit = made.get("DependsOn", [])
            for other in [explicit] if isinstance(explicit, str) else explicit:
                assert resources[other].get("Condition") in {None, made.get("Condition")}, name

    def test_without_aurora_there_is_no_nested_stack(self, template, resources):
        nested = {name for name, made in resources.items() if made["Type"].endswith("::Stack")}
        assert {"Database", "Proxy", "Network"} <= nested
        for name in ("Database", "Proxy", "Network"):
            assert resources[name]["Condition"] == "HasAurora"
        assert not RuleResolver(template, EXTERNAL).value({"Condition": "HasAurora"})


def mentioned(resolver, raw):
    """What a value refers to once every Fn::If is decided."""
    if isinstance(raw, list):
        return set().union(*(mentioned(resolver, item) for item in raw))
    if not isinstance(raw, dict):
        return set()
    if set(raw) == {"Fn::If"}:
        condition, then, otherwise = raw["Fn::If"]
        held = resolver.value({"Condition": condition})
        return mentioned(resolver, then if held else otherwise)
    inside = set().union(*(mentioned(resolver, item) for item in raw.values()))
    own = {key: item for key, item in raw.items() if key in {"Ref", "Fn::GetAtt", "Fn::Sub"}}
    return inside | references(own)


MIGRATED_ELSEWHERE = {
    **EXTERNAL,
    "DatabaseAdminSecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:admin",
}


class TestOrder:
    """Instances, migrations, the proxy's target group, the code that needs all of it."""

    @pytest.mark.parametrize(
        ("later", "earlier"),
        [
            ("Migrations", "Database"),
            ("Migrations", "MigratorFunction"),
            ("Proxy", "Migrations"),
            ("ConsumerFunction", "Proxy"),
            ("RedriveFunction", "Proxy"),
            ("AuditorFunction", "Proxy"),
            ("ConsumerFunctionStream", "ConsumerFunctionAliaslive"),
            ("ConsumerFunction", "Migrations"),
            ("RedriveFunction", "Migrations"),
            ("AuditorFunction", "Migrations"),
            ("ConsumerFunction", "Settings"),
            ("ProducerFunction", "Settings"),
            ("Database", "Network"),
            ("ConsumerFunction", "Network"),
        ],
    )
    def test_one_comes_before_the_other(self, resources, later, earlier):
        assert is_after(resources, later, earlier)
        assert not is_after(resources, earlier, later)

    @pytest.mark.parametrize("name", ["Consumer", "Redrive", "Auditor"])
    @pytest.mark.parametrize("given", [{}, MIGRATED_ELSEWHERE], ids=["aurora", "external"])
    def test_code_waits_for_migrations_itself(self, template, resources, name, given):
        """Not only through the proxy, which an external database does not have."""
        function = properties(resources, f"{name}Function")
        assert "Migrations" in mentioned(RuleResolver(template, given), function)

    def test_migrations_run_before_the_proxy_is_there(self, template, resources):
        """They make the user that it logs in as, so they cannot go through it."""
        variables = properties(resources, "MigratorFunction")["Environment"]["Variables"]
        told = RuleResolver(template, {}).value(variables)
        assert told["DB_HOST"] == "Database.Outputs.Endpoint"
        assert told["DB_SECRET_ARN"].endswith(".MasterSecretArn")

    def test_settings_are_checked_before_the_long_work(self, resources):
        """A refused mixture need not wait for a database to be made."""
        for name in ("Database", "Network", "Proxy", "Migrations"):
            assert not is_after(resources, "Settings", name)


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "given", "holds"),
        [
            ("HasApi", {}, True),
            ("HasApi", {"WithApi": "false"}, False),
            ("TakesJwt", {}, False),
            ("TakesJwt", {"ApiAuthorization": "jwt"}, True),
            ("AsksForScopes", {}, False),
            ("AsksForScopes", {"JwtScopes": "orders"}, True),
            ("IsOnDemand", {}, False),
            ("IsOnDemand", {"StreamMode": "ON_DEMAND"}, True),
            ("IsProducerCapped", {}, False),
            ("IsProducerCapped", {"ProducerConcurrency": "1"}, True),
            ("IsCapped", {}, False),
            ("IsCapped", {"ConsumerConcurrency": "1"}, True),
            ("WindowByProfile", {}, True),
            ("WindowByProfile", {"BatchingWindowSeconds": "0"}, False),
            ("HasAurora", {}, True),
            ("HasAurora", EXTERNAL, False),
            ("Migrates", {}, True),
            ("Migrates", EXTERNAL, False),
            ("Migrates", {**EXTERNAL, "DatabaseAdminSecretArn": "arn:aws:…"}, True),
            ("IsInVpc", {}, True),
            ("IsInVpc", EXTERNAL, False),
            ("IsInVpc", {**EXTERNAL, "SubnetIds": "subnet-1,subnet-2"}, True),
            ("OwnsKey", {}, True),
            ("OwnsKey", {"KmsKeyArn": "arn:aws:kms:…"}, False),
        ],
    )
    def test_what_turns_a_part_on(self, template, condition, given, holds):
        assert RuleResolver(template, given).value({"Condition": condition}) is holds
